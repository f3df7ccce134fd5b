/** A way into a document: keys and indexes. */
export type Path = readonly PropertyKey[];

/** `spec.tools[1]`. */
export function fieldOf(path: Path): string {
  let field = "";
  for (const part of path) {
    if (typeof part === "number") field += `[${part}]`;
    else field += field === "" ? String(part) : `.${String(part)}`;
  }
  return field;
}
