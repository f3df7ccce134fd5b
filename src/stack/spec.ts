import { createHash } from "node:crypto";
import type { Runtime, SupervisedName } from "./component.ts";

interface CommonSpec {
  name: SupervisedName;
  runtime: Runtime;
  /** Components that must be ready before this one is started. */
  dependsOn: SupervisedName[];
}

/** A host process, as it should run. */
export interface ProcessSpec extends CommonSpec {
  runtime: "process";
  argv: string[];
  /** The whole environment, built from nothing. */
  env: Record<string, string>;
  cwd: string;
  /** Present for a component that serves HTTP, which is ready when it answers there; the others poll the server for work. */
  serves?: ServedAddress;
  /** What it reads at its start; written before it, for its user alone. */
  files?: { path: string; text: string }[];
  /** Present for a program that only prints, whose log others must mark and rotate; the runners do so themselves. */
  rawLog?: { maxSizeBytes: number; maxFiles: number };
  /** Variables that are read from a file when the process starts, so that no plan and no record holds their values. */
  secrets?: SecretVariable[];
}

export interface ServedAddress {
  host: string;
  port: number;
  /** Answers 200 to anybody while the component works. */
  healthPath: string;
}

export interface SecretVariable {
  variable: string;
  file: string;
  /** Of the value, so that a process with an earlier one is not taken for the one that should run. */
  digest: string;
}

/** A container, as it should run. `image` is resolved to an ID when the container is created. */
export interface ContainerSpec extends CommonSpec {
  runtime: "container";
  containerName: string;
  image: string;
  env: Record<string, string>;
  /** `uid:gid`. */
  user: string;
  networkMode: string;
  extraHosts: string[];
  workspace: string;
  memoryBytes: number;
  logMaxSizeBytes: number;
  logMaxFiles: number;
}

export type ComponentSpec = ProcessSpec | ContainerSpec;

/** A digest of everything in a spec that a running component cannot change: equal means "restart it as it is". */
export function specHash(spec: ComponentSpec): string {
  return createHash("sha256").update(canonicalJson(spec)).digest("hex");
}

function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    typeof member === "object" && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}
