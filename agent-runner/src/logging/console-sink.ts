import type { LogLevel } from "./format.ts";
import type { LineOutput, LogSink } from "./writer.ts";

/** Writes `INFO text`, without a time: whoever collects the output (Docker) adds its own. */
export function consoleSink(outputs: { stdout?: LineOutput; stderr?: LineOutput }): LogSink {
  const stdout = outputs.stdout ?? process.stdout;
  const stderr = outputs.stderr ?? process.stderr;
  let open = true;
  return {
    write(level, text) {
      if (!open) return;
      const output = level === "warn" || level === "error" ? stderr : stdout;
      output.write(`${prefixEachLine(text, `${NAMES[level]} `)}\n`);
    },
    close() {
      open = false;
    },
  };
}

const NAMES: Record<LogLevel, string> = { debug: "DEBUG", info: "INFO", warn: "WARN", error: "ERROR" };

/** Every line carries the level, because a reader of Docker's log sees lines, not messages. */
function prefixEachLine(text: string, prefix: string): string {
  return prefix + text.replaceAll("\n", `\n${prefix}`);
}
