/**
 * An address as this runner reaches it. In a container that does not share the host's loopback, `127.0.0.1` in a
 * definition or the configuration means the host, which has another name there (`loopbackHost`); null: it is the same.
 */
export function reachableUrl(url: string, loopbackHost: string | null): string {
  if (loopbackHost === null || !URL.canParse(url)) return url;
  const parsed = new URL(url);
  if (!isLoopback(parsed.hostname)) return url;
  parsed.hostname = loopbackHost;
  // URL adds a slash to an address without a path, which would become part of every path below it.
  return url.endsWith("/") ? parsed.href : parsed.href.replace(/\/$/, "");
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d+){3}$/.test(hostname);
}
