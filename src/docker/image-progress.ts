import type { ImageProgress } from "./engine.ts";

/** What is read of one line that `/build`, `/images/create` and `/images/*\/push` stream. */
export interface ProgressDocument {
  stream?: string;
  status?: string;
  id?: string;
  progress?: string;
  error?: string;
  errorDetail?: { message?: string };
  aux?: { ID?: string; Tag?: string; Digest?: string };
}

/** One progress line in our words, null for lines that say nothing. */
export function toImageProgress(document: ProgressDocument): ImageProgress | null {
  const error = document.errorDetail?.message ?? document.error ?? null;
  const text = progressText(document);
  const imageId = document.aux?.ID ?? null;
  return error === null && text === "" && imageId === null ? null : { text, error, imageId };
}

function progressText({ stream, status, id, progress }: ProgressDocument): string {
  if (stream !== undefined) return stream.trimEnd();
  if (status === undefined) return "";
  return [id === undefined ? status : `${id}: ${status}`, progress].filter(Boolean).join(" ");
}
