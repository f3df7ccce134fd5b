const NAMES = new Set([
  "PATH",
  "HOME",
  "USER",
  "LOGNAME",
  "SHELL",
  "LANG",
  "LANGUAGE",
  "TZ",
  "TMPDIR",
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "NO_PROXY",
  "ALL_PROXY",
  "NODE_EXTRA_CA_CERTS",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
]);

/**
 * The part of an environment that a child may have whatever it does: how to find programs, files, names, languages, proxies
 * and certificate authorities. Everything else stays behind, so that a key in the user's shell leaks to nobody.
 */
export function cleanEnvironment(env: NodeJS.ProcessEnv): Record<string, string> {
  const clean: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && isHarmless(name)) clean[name] = value;
  }
  return clean;
}

function isHarmless(name: string): boolean {
  // Proxy variables are read in lower case by many tools, some of them only so.
  return NAMES.has(name) || name.startsWith("LC_") || (name.endsWith("_proxy") && NAMES.has(name.toUpperCase()));
}
