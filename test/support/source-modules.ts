import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, posix, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { type Node, parseSync, visitorKeys } from "oxc-parser";

/** The repository. */
export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** A TypeScript file as the structure tests see it. */
export interface SourceModule {
  /** Relative to the repository: `src/cli/main.ts`. */
  path: string;
  lineCount: number;
  /** Static and dynamic, types included. */
  imports: ModuleImport[];
  callsProcessExit: boolean;
  hasTopLevelAwait: boolean;
}

export interface ModuleImport {
  specifier: string;
  /** The imported file relative to the repository, or null for a package or a built-in. */
  target: string | null;
}

/** Every `.ts` file below a folder of the repository. */
export function readModules(folder: string): SourceModule[] {
  return listFiles(folder)
    .filter((path) => path.endsWith(".ts"))
    .map(readModule);
}

/** Files below a folder, relative to the repository; what is generated or installed is left out. */
export function listFiles(folder: string): string[] {
  const generated = new Set(["node_modules", "dist", ".cache", ".git", "coverage"]);
  return readdirSync(join(ROOT, folder), { withFileTypes: true })
    .flatMap((entry) => {
      const path = posix.join(folder, entry.name);
      if (entry.isDirectory()) return generated.has(entry.name) ? [] : listFiles(path);
      return entry.isFile() ? [path] : [];
    })
    .sort();
}

function readModule(path: string): SourceModule {
  const text = readFileSync(join(ROOT, path), "utf8");
  const { program, module, errors } = parseSync(path, text);
  if (errors.length > 0) throw new Error(`${path}: ${errors[0]?.message}`);
  const specifiers = [
    ...module.staticImports.map((one) => one.moduleRequest.value),
    ...module.staticExports.flatMap((one) => one.entries.map((entry) => entry.moduleRequest?.value ?? null)),
    ...module.dynamicImports.map(({ moduleRequest: { start, end } }) => literal(text.slice(start, end))),
  ];
  return {
    path,
    lineCount: text.trimEnd().split("\n").length,
    imports: [...new Set(specifiers)]
      .filter((specifier) => specifier !== null)
      .map((specifier) => ({ specifier, target: resolveTarget(path, specifier) })),
    callsProcessExit: contains(program, isProcessExit, "everywhere"),
    hasTopLevelAwait: contains(program, ({ type }) => type === "AwaitExpression", "outside functions"),
  };
}

/** The value of a string literal; null for an expression that only running the code would tell. */
function literal(expression: string): string | null {
  return /^["'`]([^"'`$]*)["'`]$/.exec(expression)?.[1] ?? null;
}

function resolveTarget(importer: string, specifier: string): string | null {
  if (!specifier.startsWith(".")) return null;
  return relative(ROOT, join(ROOT, dirname(importer), specifier));
}

function isProcessExit(node: Node): boolean {
  return (
    node.type === "MemberExpression" &&
    node.object.type === "Identifier" &&
    node.object.name === "process" &&
    node.property.type === "Identifier" &&
    node.property.name === "exit"
  );
}

function contains(node: Node, matches: (node: Node) => boolean, where: "everywhere" | "outside functions"): boolean {
  if (matches(node)) return true;
  if (where === "outside functions" && /Function|MethodDefinition|PropertyDefinition/.test(node.type)) return false;
  return childrenOf(node).some((child) => contains(child, matches, where));
}

function childrenOf(node: Node): Node[] {
  const fields = new Map<string, unknown>(Object.entries(node));
  return (visitorKeys[node.type] ?? []).flatMap((key) => [fields.get(key)].flat()).filter(isNode);
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value;
}
