import type { Route } from "./route.ts";

export interface Matched {
  route: Route;
  params: Record<string, string>;
}

export interface Router {
  match(method: string, path: string): Matched | null;
  /** The methods that a path knows; empty for an unknown path. */
  methodsOf(path: string): string[];
}

export function createRouter(routes: readonly Route[]): Router {
  const compiled = routes.map((route) => ({ route, parts: route.path.split("/") }));
  // HEAD is answered as GET; Node leaves the body out.
  const answers = (route: Route, method: string) =>
    route.method === method || (route.method === "GET" && method === "HEAD");
  return {
    match(method, path) {
      const parts = path.split("/");
      for (const { route, parts: pattern } of compiled) {
        const params = answers(route, method) ? matchParts(pattern, parts) : null;
        if (params !== null) return { route, params };
      }
      return null;
    },
    methodsOf: (path) =>
      compiled
        .filter(({ parts }) => matchParts(parts, path.split("/")) !== null)
        .flatMap(({ route }) => (route.method === "GET" ? ["GET", "HEAD"] : [route.method])),
  };
}

function matchParts(pattern: readonly string[], parts: readonly string[]): Record<string, string> | null {
  if (pattern.length !== parts.length) return null;
  const params: Record<string, string> = {};
  for (const [index, expected] of pattern.entries()) {
    const actual = parts[index] ?? "";
    if (!expected.startsWith("{")) {
      if (expected !== actual) return null;
      continue;
    }
    const value = decode(actual);
    if (value === null || value === "") return null;
    params[expected.slice(1, -1)] = value;
  }
  return params;
}

function decode(part: string): string | null {
  try {
    return decodeURIComponent(part);
  } catch {
    return null; // A malformed escape names nothing.
  }
}
