import type { Json } from "@stigmer/agent-runner/protocol";

const MASK = "***";

/** Puts `***` for every secret in every text within a value. */
export type Mask = <T extends Json>(value: T) => T;

/** @param secrets Values as they are; empty ones are ignored. Of two that overlap the longer one is masked first. */
export function createMask(secrets: readonly string[]): Mask {
  const wanted = [...new Set(secrets)].filter((secret) => secret !== "").sort((a, b) => b.length - a.length);
  if (wanted.length === 0) return (value) => value;
  const maskText = (text: string): string => wanted.reduce((rest, secret) => rest.replaceAll(secret, MASK), text);
  const maskValue = (value: Json): Json => {
    if (typeof value === "string") return maskText(value);
    if (Array.isArray(value)) return value.map(maskValue);
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [maskText(key), maskValue(member)]));
  };
  // A masked value has the shape it had: only its texts differ.
  return <T extends Json>(value: T): T => maskValue(value) as T;
}
