import type { Path } from "../field-path.ts";
import type { WrittenWorkflow } from "./workflow-schema.ts";

const SECTIONS = ["observability", "storage", "memory", "log_prompts", "log_artifacts"];

/** The keys of other systems with this format that mean nothing here: told by name and otherwise ignored (engine.md §4). */
export function ignoredKeys({ flow, config, nodes, ...top }: WrittenWorkflow): Path[] {
  return [
    ...within(top, [], SECTIONS),
    ...within(flow, ["flow"], ["tags", "author"]),
    ...within(config, ["config"], SECTIONS),
    ...nodes.flatMap((node, index) => [
      ...within(node, ["nodes", index], SECTIONS),
      ...within(node.sandbox, ["nodes", index, "sandbox"], ["mode"]),
      ...node.tools.flatMap((tool, at) => within(tool, ["nodes", index, "tools", at], ["config"])),
    ]),
  ];
}

function within(map: unknown, path: Path, keys: string[]): Path[] {
  if (typeof map !== "object" || map === null) return [];
  return keys.filter((key) => Object.hasOwn(map, key)).map((key) => [...path, key]);
}
