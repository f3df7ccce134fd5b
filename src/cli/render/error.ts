import type { ErrorBody } from "../../errors.ts";
import { createPaint, type Paint } from "./paint.ts";

export interface ErrorRenderOptions {
  color: boolean;
  /** The stack of an unexpected error, with `--debug`. */
  stack: string | null;
}

/** An error as text: the cause, its detail, what to do, and the commands to type. Ends without a newline. */
export function renderError(error: ErrorBody, options: ErrorRenderOptions): string {
  const paint = createPaint(options.color);
  const parts = [`${paint("red", "Error:")} ${error.message}`];
  if (error.detail !== null && !error.message.includes(error.detail)) parts.push(indent(error.detail));
  parts.push(...(error.issues ?? []).map((issue) => renderIssue(issue, paint)));
  if (error.hint !== null) parts.push(error.hint);
  for (const { label, command } of error.actions) parts.push(`  ${label}:\n    ${paint("cyan", command)}`);
  if (options.stack !== null) parts.push(paint("dim", options.stack));
  return parts.join("\n");
}

function renderIssue(issue: NonNullable<ErrorBody["issues"]>[number], paint: Paint): string {
  const place = issue.line === null ? issue.file : `${issue.file}:${issue.line}`;
  const field = issue.field === "" ? "" : ` ${issue.field}:`;
  const suggestion = issue.suggestion === null ? "" : ` (did you mean ${issue.suggestion}?)`;
  return `  ${paint("bold", `${place}:`)}${field} ${issue.message}${suggestion}`;
}

function indent(text: string): string {
  return text.replace(/^/gm, "  ");
}
