import type { CommandHandler } from "../../context.ts";
import { createPaint, type Paint } from "../../render/paint.ts";
import type { Check } from "./check.ts";
import { examine } from "./examine.ts";

export interface DoctorOptions {
  bundle?: string;
}

/** Exit 0 when nothing prevents `server start`, else 1. */
export const handle: CommandHandler<DoctorOptions> = async (options, context) => {
  if (options.bundle !== undefined) {
    const { requireNewFile } = await import("./bundle.ts");
    await requireNewFile(options.bundle, context.cwd);
  }
  const examination = await examine(context);
  const { checks } = examination;
  const bundle = options.bundle === undefined ? null : await saveBundle(options.bundle);
  return {
    data: { checks, ...(bundle === null ? {} : { bundle }) },
    text: renderChecks(checks, createPaint(context.globals.color)),
    exitCode: checks.some(({ status }) => status === "fail") ? 1 : 0,
  };

  async function saveBundle(file: string): Promise<string> {
    const { writeBundle } = await import("./bundle.ts");
    const path = await writeBundle(file, examination, context);
    context.progress(`Wrote ${path}; keys and tokens are masked in it, but look it over before you send it`);
    return path;
  }
};

function renderChecks(checks: readonly Check[], paint: Paint): string {
  const marks = {
    pass: paint("green", "✔"),
    warn: paint("yellow", "!"),
    fail: paint("red", "✖"),
    skip: paint("dim", "-"),
  };
  const width = Math.max(...checks.map(({ name }) => name.length));
  return checks
    .flatMap(({ name, status, message, hint }) => [
      `${marks[status]} ${name.padEnd(width)}  ${message}`,
      ...(hint === null ? [] : hint.split("\n").map((line) => `${" ".repeat(width + 4)}${paint("cyan", line)}`)),
    ])
    .join("\n");
}
