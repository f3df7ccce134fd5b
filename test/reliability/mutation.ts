import type { Dice } from "./dice.ts";

/** Damage as disks, editors and killed writers do it: bits, bytes, pieces, ends. */
export function mutate(original: Buffer, dice: Dice): Buffer {
  let bytes = original;
  for (let times = dice.between(1, 3); times > 0; times -= 1) bytes = damageOnce(bytes, dice);
  return bytes;
}

function damageOnce(bytes: Buffer, dice: Dice): Buffer {
  const at = dice.between(0, Math.max(0, bytes.length - 1));
  const length = dice.between(1, Math.max(1, Math.min(64, bytes.length - at)));
  const before = bytes.subarray(0, at);
  const after = bytes.subarray(at + length);
  switch (dice.between(0, 8)) {
    case 0: {
      const copy = Buffer.from(bytes);
      if (copy.length > 0) copy[at] = (copy[at] ?? 0) ^ (1 << dice.between(0, 7));
      return copy;
    }
    case 1:
      return Buffer.concat([before, after]);
    case 2:
      return Buffer.concat([before, randomBytes(length, dice), bytes.subarray(at)]);
    case 3:
      return Buffer.concat([before, randomBytes(length, dice), after]);
    case 4:
      return Buffer.concat([bytes, bytes.subarray(at, at + length)]);
    case 5:
      return Buffer.from(before);
    case 6:
      return Buffer.concat([before, Buffer.alloc(length), after]);
    case 7:
      return Buffer.concat([before, Buffer.from(dice.pick(WORDS)), after]);
    default:
      return dice.chance(0.2) ? Buffer.alloc(0) : Buffer.concat([bytes.subarray(at), before]);
  }
}

/** What means something where it should not. */
const WORDS = [
  "-1",
  "0",
  "1",
  "99999999999999999999",
  "\n",
  "{}",
  "null",
  "..",
  "\u0000",
  "true",
  "0x10",
  "1e9",
  ": ",
  "  ",
];

function randomBytes(length: number, dice: Dice): Buffer {
  return Buffer.from(Array.from({ length }, () => dice.between(0, 255)));
}
