/** Which packages a set of packages needs, from what `apt-cache depends --recurse` prints. Pure. */

/** For each package its dependencies, each a list of alternatives in apt's order. */
export type DependencyGraph = ReadonlyMap<string, readonly (readonly string[])[]>;

/** The names from `roots` on, without what `excluded` matches and without what only that needs; sorted. */
export function closePackages(graph: DependencyGraph, roots: readonly string[], excluded: readonly RegExp[]): string[] {
  const isExcluded = (name: string) => excluded.some((pattern) => pattern.test(name));
  const found = new Set<string>();
  const waiting = [...roots];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (found.has(name)) continue;
    found.add(name);
    for (const alternatives of graph.get(name) ?? []) {
      // One alternative that is excluded or here already settles the dependency.
      const settled = alternatives.some((other) => found.has(other) || roots.includes(other) || isExcluded(other));
      const first = alternatives[0];
      if (!settled && first !== undefined) waiting.push(first);
    }
  }
  return [...found].sort();
}

/**
 * Reads the output of `apt-cache depends --recurse`: a package at the margin, below it its dependencies, where a bar
 * joins one to the next as an alternative and `<name>` is virtual, followed by the packages that provide it.
 */
export function parseDependencies(text: string): DependencyGraph {
  const graph = new Map<string, string[][]>();
  let dependencies: string[][] = [];
  let continues = false;
  for (const line of text.split("\n")) {
    const packageName = /^([a-z0-9][^\s:]*)$/.exec(line)?.[1];
    if (packageName !== undefined) {
      dependencies = [];
      continues = false;
      graph.set(packageName, dependencies);
      continue;
    }
    const provider = /^ {4}([a-z0-9][^\s:]*)$/.exec(line)?.[1];
    if (provider !== undefined) {
      dependencies.at(-1)?.push(provider);
      continue;
    }
    const match = /^ ([ |])(?:Pre)?Depends: (<)?([^\s:>]+)/.exec(line);
    const name = match?.[3];
    if (match === null || name === undefined) continue;
    if (!continues) dependencies.push([]);
    if (match[2] === undefined) dependencies.at(-1)?.push(name);
    continues = match[1] === "|";
  }
  return graph;
}
