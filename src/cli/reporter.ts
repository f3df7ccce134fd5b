import { type ErrorBody, exitCodeOf } from "../errors.ts";
import { allowsColor } from "./color.ts";
import type { GlobalOptions } from "./context.ts";
import { failureEnvelope, successEnvelope } from "./envelope.ts";
import type { WatchedOutput } from "./output.ts";
import type { Interrupts } from "./signals.ts";
import { toAppError } from "./unexpected.ts";

/** Reports how a command ended: one envelope on stdout, or text on the stream where it belongs. */
export interface Reporter {
  /** From here on the command and its flags are known. */
  begin(command: string, globals: GlobalOptions): void;
  warn(sentence: string): void;
  succeed(data: unknown, text: string | null): void;
  /** Renders the failure and returns the exit code. */
  fail(thrown: unknown): Promise<number>;
}

export interface ReporterOptions {
  command: string;
  globals: GlobalOptions;
  env: NodeJS.ProcessEnv;
  stdout: WatchedOutput;
  stderr: WatchedOutput;
  interrupts: Interrupts;
}

export function createReporter(options: ReporterOptions): Reporter {
  const { stdout, stderr, interrupts, env } = options;
  let { command, globals } = options;
  const warnings: string[] = [];
  const color = (): boolean => globals.color && allowsColor(env) && stderr.isTTY;
  return {
    begin(name, given) {
      command = name;
      globals = given;
    },
    warn(sentence) {
      if (warnings.includes(sentence)) return;
      warnings.push(sentence);
      if (!globals.json) stderr.write(`Warning: ${sentence}\n`);
    },
    succeed(data, text) {
      if (globals.json) stdout.write(`${JSON.stringify(successEnvelope(command, data, warnings))}\n`);
      else if (text !== null) stdout.write(`${text}\n`);
    },
    async fail(thrown) {
      const error = toAppError(thrown, interrupts.signal);
      // `stigmer server logs -f | head`: the reader has what it wanted.
      if (stdout.closed && error.code === "INTERRUPTED" && interrupts.exitCode() === null) return 0;
      const body = withHelp(error.toBody(), command);
      // A stream that began has its records on stdout already; an envelope among them would be no record.
      if (globals.json && !stdout.written)
        stdout.write(`${JSON.stringify(failureEnvelope(command, body, warnings))}\n`);
      else {
        const { renderError } = await import("./render/error.ts");
        stderr.write(`${renderError(body, { color: color(), stack: null })}\n`);
      }
      if (globals.debug) {
        const { inspect } = await import("node:util");
        stderr.write(`${inspect(error.code === "INTERNAL" ? error.cause : error)}\n`);
      }
      return interrupts.exitCode() ?? exitCodeOf(error.code);
    },
  };
}

/** Wrong use without a command to type next gets the one that shows the right use. */
function withHelp(body: ErrorBody, command: string): ErrorBody {
  if (body.code !== "USAGE" || body.actions.length > 0) return body;
  return {
    ...body,
    actions: [{ label: "See how it is used", command: `stigmer ${command} --help`.replace("  ", " ") }],
  };
}
