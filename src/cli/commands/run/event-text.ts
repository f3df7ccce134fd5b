import type { ExecutionEvent } from "@stigmer/agent-runner/protocol";

type Data = ExecutionEvent["data"];

/** Of a tool's arguments or an error, this much is shown in one line. */
const FOLDED_LENGTH = 120;

/** A scripted model is named as such; null where none answers. */
export function scriptedText({ provider, models }: Data): string | null {
  const asked = Array.isArray(models) ? models : [];
  const isScripted = (model: Data[string]): boolean =>
    typeof model === "object" && model !== null && !Array.isArray(model) && model["provider"] === "scripted";
  if (provider !== "scripted" && !asked.some(isScripted)) return null;
  return "Scripted model: the answers come from the definition, no model is asked";
}

export function retriedText(data: Data): string {
  return `Trying again (attempt ${textOf(data["attempt"])}): ${fold(textOf(data["reason"]))}`;
}

/** A message that the model's service ended early; null for a whole one. */
export function cutText({ cut }: Data): string | null {
  if (cut === "length") return "the answer is cut: the model came to its limit of tokens (max_tokens)";
  if (cut === "content-filter") return "the answer is cut by the content filter of the model's service";
  return null;
}

export function toolStartedText(data: Data): string {
  return `${textOf(data["tool"])} ${fold(JSON.stringify(data["arguments"] ?? {}))}`;
}

export function toolCompletedText(data: Data): string {
  return `${textOf(data["tool"])} ${data["ok"] === true ? "done" : `failed: ${fold(textOf(data["output"]))}`}`;
}

/** In one line of bounded length. */
export function fold(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length <= FOLDED_LENGTH ? line : `${line.slice(0, FOLDED_LENGTH - 1)}…`;
}

export function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  return value === undefined || value === null ? "" : String(value);
}
