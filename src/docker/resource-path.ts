/** `/containers/<id or name>` and what follows, safe for any name. */
export function containerPath(idOrName: string, rest = ""): string {
  return `/containers/${encodeURIComponent(idOrName)}${rest}`;
}

/** `/images/<reference>` and what follows. The slashes of a reference belong to the path. */
export function imagePath(reference: string, rest = ""): string {
  return `/images/${reference.split("/").map(encodeURIComponent).join("/")}${rest}`;
}
