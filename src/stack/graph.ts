import type { ComponentSpec } from "./spec.ts";

/**
 * Start order: every wave holds the components whose dependencies are all in earlier waves. Stopping walks it backwards.
 * @throws Error when the dependencies form a circle or name nothing: a bug in the desired stack, not a user's fault.
 */
export function startWaves(specs: readonly ComponentSpec[]): ComponentSpec[][] {
  const waves: ComponentSpec[][] = [];
  const placed = new Set<string>();
  let rest = [...specs];
  while (rest.length > 0) {
    const wave = rest.filter((spec) => spec.dependsOn.every((name) => placed.has(name)));
    if (wave.length === 0) {
      throw new Error(`unmeetable dependencies among ${rest.map((spec) => spec.name).join(", ")}`);
    }
    for (const spec of wave) placed.add(spec.name);
    waves.push(wave);
    rest = rest.filter((spec) => !placed.has(spec.name));
  }
  return waves;
}
