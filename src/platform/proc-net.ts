import { isIPv6 } from "node:net";

/** A listening TCP socket as /proc/net/tcp and tcp6 of Linux tell it. */
export interface Listener {
  host: string;
  port: number;
  inode: string;
}

const LISTEN = "0A";

export function parseListeners(table: string): Listener[] {
  return table.split("\n").flatMap((line) => {
    const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
    const [address, port] = local?.split(":") ?? [];
    if (state !== LISTEN || address === undefined || port === undefined || inode === undefined) return [];
    return [{ host: parseAddress(address), port: Number.parseInt(port, 16), inode }];
  });
}

/** Whether a listener on `host` keeps one on `wanted` from the same port. */
export function standsInTheWay(host: string, wanted: string): boolean {
  const target = wanted === "localhost" ? "127.0.0.1" : wanted;
  if (host === target || host === "::" || target === "::") return true;
  // A wildcard takes the addresses of its family.
  return isIPv6(host) === isIPv6(target) && (host === "0.0.0.0" || target === "0.0.0.0");
}

export function formatAddress({ host, port }: { host: string; port: number }): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Words of 32 bits in the byte order of the machine: little-endian on every platform we support. */
function parseAddress(hex: string): string {
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) => [...Buffer.from(word, "hex").reverse()]);
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from({ length: 8 }, (_, index) =>
    Buffer.from(bytes)
      .readUInt16BE(index * 2)
      .toString(16),
  );
  const compressed = new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
  return /^::ffff:/.test(compressed) ? bytes.slice(12).join(".") : compressed;
}
