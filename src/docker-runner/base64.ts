/** The bytes of a base64 text, in the standard or the URL alphabet, padded or not; null for anything else. */
export function readBase64(text: string): Buffer | null {
  if (!/^(?:[A-Za-z0-9+/]*|[A-Za-z0-9_-]*)={0,2}$/.test(text)) return null;
  const digits = text.replace(/=+$/, "");
  if (digits.length % 4 === 1 || (text.length !== digits.length && text.length % 4 !== 0)) return null;
  return Buffer.from(digits, "base64"); // Node reads both alphabets.
}
