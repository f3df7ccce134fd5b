import { readdirSync, readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import type { ErrorBody } from "../../src/errors.ts";

export interface Envelope {
  schemaVersion: 1;
  command: string;
  status: "ok" | "error";
  data: unknown;
  warnings: string[];
  error: ErrorBody | null;
}

const DIRECTORY = new URL("../../schemas/", import.meta.url);

const ajv = new Ajv2020({ strict: true, strictRequired: false, allowUnionTypes: true, allErrors: true });
ajv.addFormat("date-time", (text: string) => /^\d{4}-\d{2}-\d{2}T/.test(text) && !Number.isNaN(Date.parse(text)));
for (const name of schemaNames()) ajv.addSchema(readSchema(name));
/** Compiled while the file is loaded: it takes longer than a unit test may. */
const validators = new Map(schemaNames().map((name) => [name, ajv.getSchema(name)]));

/** File names of the JSON Schemas that ship in the package; an OpenAPI document lies beside them. */
export function schemaNames(): string[] {
  return readdirSync(DIRECTORY).filter((name) => name.endsWith(".json") && !name.endsWith(".openapi.json"));
}

export function readSchema(name: string): Record<string, unknown> {
  return JSON.parse(readFileSync(new URL(name, DIRECTORY), "utf8"));
}

/** What is wrong with a value by the schema of this name; nothing when it is valid. */
export function faultsOf(schema: string, value: unknown): string[] {
  const validate = validators.get(schema);
  if (validate === undefined) throw new Error(`there is no schema ${schema}`);
  if (validate(JSON.parse(JSON.stringify(value)))) return [];
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

/** The one envelope that a command printed. @throws when it is none, or not alone, or not as its schema says. */
export function readEnvelope(stdout: string): Envelope {
  const [line = "", ...rest] = stdout.split("\n");
  if (rest.join("") !== "") throw new Error(`more than one line on stdout: ${stdout}`);
  const envelope: Envelope = JSON.parse(line);
  const faults = faultsOf("envelope.json", envelope);
  if (faults.length > 0) throw new Error(`not an envelope: ${faults.join("; ")}: ${line}`);
  return envelope;
}
