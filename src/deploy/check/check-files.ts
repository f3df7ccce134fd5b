/** Reads every generated file by the parser of its language: a file that does not say what it should is a bug of ours. Pure. */
import { extname } from "node:path";
import { parseDocument } from "yaml";
import { parseSecrets } from "../../config/secrets.ts";
import type { Deployment } from "../deployment.ts";
import { README_HEADINGS } from "../templates/readme.ts";
import { type DockerInstruction, parseDockerfile } from "./dockerfile.ts";
import { outlineOf } from "./markdown.ts";

const STAGE = ["FROM", "LABEL", "USER", "WORKDIR", "COPY", "RUN"];
const IMAGE = ["ENV", "WORKDIR", "USER", "EXPOSE", "HEALTHCHECK", "CMD", "COPY", "COPY"];
const DOCKERFILE = ["ARG", ...STAGE, "FROM", "LABEL", ...IMAGE];

/** @throws Error naming the file. */
export function checkFiles(texts: Record<string, string>, deployment: Deployment): void {
  for (const [path, text] of Object.entries(texts)) {
    try {
      if (text.includes("\r")) throw new Error("it has a carriage return");
      checkFile(path, text, deployment);
    } catch (error) {
      throw new Error(
        `the generated ${path} is not what it should be: ${error instanceof Error ? error.message : error}`,
        {
          cause: error,
        },
      );
    }
  }
}

type Check = (text: string, deployment: Deployment) => void;

const CHECKS: Readonly<Record<string, Check>> = {
  Dockerfile: (text) => requireSame(parseDockerfile(text).map(keywordOf), DOCKERFILE),
  ".env.example": (text, { variables }) =>
    requireSame(Object.keys(parseSecrets(text, ".env.example")), variables.map(nameOf)),
  "README.md": (text) => requireSame(outlineOf(text).slice(1), README_HEADINGS),
  ".dockerignore": (text) => requireSame(text.match(/^\*$/gm) ?? [], ["*"]),
};

const CHECKS_BY_ENDING: Readonly<Record<string, Check>> = {
  ".json": (text) => void JSON.parse(text),
  ".yml": requireYaml,
  ".yaml": requireYaml,
};

function checkFile(path: string, text: string, deployment: Deployment): void {
  const check = CHECKS[path] ?? CHECKS_BY_ENDING[extname(path)];
  if (check === undefined) throw new Error("nobody knows how to read it");
  check(text, deployment);
}

function keywordOf({ keyword }: DockerInstruction): string {
  return keyword;
}

function nameOf({ name }: { name: string }): string {
  return name;
}

function requireSame(found: readonly string[], expected: readonly string[]): void {
  if (found.join("\n") !== expected.join("\n")) throw new Error(`it has ${found.join(", ")}`);
}

function requireYaml(text: string): void {
  const { errors, warnings } = parseDocument(text);
  const [first] = [...errors, ...warnings];
  if (first !== undefined) throw first;
}
