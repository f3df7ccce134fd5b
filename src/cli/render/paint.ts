import { inspect } from "node:util";

export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan" | "gray";

/** Wraps a text in the terminal codes of a style, or leaves it as it is. */
export type Paint = (style: Style, text: string) => string;

/**
 * Node knows the codes already: chalk would cost 6 ms of every `status` and every error for the same bytes.
 */
export function createPaint(color: boolean): Paint {
  if (!color) return (_style, text) => text;
  return (style, text) => {
    const [open, close] = inspect.colors[style] ?? [0, 0];
    return `\u001b[${open}m${text}\u001b[${close}m`;
  };
}
