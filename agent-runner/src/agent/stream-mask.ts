import type { Mask } from "../logging/mask.ts";

/** Masks secrets in a text that arrives in pieces: a piece that may begin a secret is held back until that is known. */
export interface StreamMask {
  push(piece: string): string;
  /** What was held back. */
  end(): string;
}

export function createStreamMask(mask: Mask, secrets: readonly string[]): StreamMask {
  let pending = "";
  return {
    push(piece) {
      pending += piece;
      const cut = safeCut(pending, secrets);
      const safe = pending.slice(0, cut);
      pending = pending.slice(cut);
      return mask.apply(safe);
    },
    end() {
      const rest = mask.apply(pending);
      pending = "";
      return rest;
    },
  };
}

/** Up to where no secret can begin that goes on in the next piece, and inside no secret that stands there whole. */
function safeCut(text: string, secrets: readonly string[]): number {
  let cut = text.length;
  for (const secret of secrets) cut = Math.min(cut, text.length - overlap(text, secret));
  for (let moved = true; moved; ) {
    moved = false;
    for (const secret of secrets) {
      const begin = text.lastIndexOf(secret, cut - 1);
      if (secret !== "" && begin !== -1 && begin < cut && begin + secret.length > cut) {
        cut = begin;
        moved = true;
      }
    }
  }
  return cut;
}

/** The length of the longest end of `text` that is a beginning of `secret`, but not all of it. */
function overlap(text: string, secret: string): number {
  for (let length = Math.min(text.length, secret.length - 1); length > 0; length -= 1) {
    if (text.endsWith(secret.slice(0, length))) return length;
  }
  return 0;
}
