import { createHash } from "node:crypto";
import type { Json } from "@stigmer/agent-runner/protocol";
import { json, text } from "@stigmer/agent-runner/sql-columns";
import type { Row, SqlDriver } from "@stigmer/agent-runner/sql-driver";

export type DefinitionKind = "Agent" | "Workflow";

export interface NewDefinition {
  kind: DefinitionKind;
  name: string;
  definition: Json;
  /** Where it was read from, as the user typed it. */
  file: string;
}

export interface StoredDefinition extends NewDefinition {
  /** Of the definition's canonical text; the body stays readable by it after the definition changed or went. */
  digest: string;
  createdAt: string;
  updatedAt: string;
}

export type ApplyAction = "created" | "updated" | "unchanged";

/** What was applied, by kind and name. An execution refers to a body by its digest and so keeps the one it began with. */
export interface Definitions {
  /** What {@link apply} would do, without doing it. */
  compare(definition: NewDefinition): ApplyAction;
  apply(definition: NewDefinition, now: string): ApplyAction;
  find(kind: DefinitionKind, name: string): StoredDefinition | null;
  /** Of what is applied under this name, without reading it. */
  digestOf(kind: DefinitionKind, name: string): string | null;
  body(digest: string): Json;
  /** Stores a body that has no name, for an execution to keep, and returns its digest. */
  keep(body: Json): string;
  names(kind: DefinitionKind): string[];
  /** By name. */
  list(kind: DefinitionKind): StoredDefinition[];
  /** False when there was none. */
  delete(kind: DefinitionKind, name: string): boolean;
}

const SELECT = `SELECT kind, name, digest, created_at, updated_at, file, body
  FROM definitions JOIN definition_bodies USING (digest)`;

export function createDefinitions(driver: SqlDriver): Definitions {
  const digestOf = (kind: DefinitionKind, name: string): string | null => {
    const row = driver.get("SELECT digest FROM definitions WHERE kind = ? AND name = ?", kind, name);
    return row === null ? null : text(row, "digest");
  };
  const compare = ({ kind, name, definition }: NewDefinition): ApplyAction => {
    const current = digestOf(kind, name);
    if (current === null) return "created";
    return current === digest(canonicalJson(definition)) ? "unchanged" : "updated";
  };

  const keep = (body: Json): string => {
    const id = digest(canonicalJson(body));
    // As it was written: the order of a schema's fields is the order in which a model fills them in.
    const text = JSON.stringify(body);
    driver.run("INSERT INTO definition_bodies (digest, body) VALUES (?, ?) ON CONFLICT DO NOTHING", id, text);
    return id;
  };

  return {
    compare,
    digestOf,
    keep,
    apply: (definition, now) =>
      driver.transaction(() => {
        const action = compare(definition);
        if (action === "unchanged") return action;
        const id = keep(definition.definition);
        driver.run(
          `INSERT INTO definitions (kind, name, digest, created_at, updated_at, file) VALUES (?, ?, ?, ?, ?, ?)
           ON CONFLICT (kind, name) DO UPDATE SET digest = excluded.digest, updated_at = excluded.updated_at, file = excluded.file`,
          definition.kind,
          definition.name,
          id,
          now,
          now,
          JSON.stringify(definition.file),
        );
        return action;
      }),
    find: (kind, name) => {
      const row = driver.get(`${SELECT} WHERE kind = ? AND name = ?`, kind, name);
      return row === null ? null : toDefinition(row);
    },
    body: (id) => {
      const row = driver.get("SELECT body FROM definition_bodies WHERE digest = ?", id);
      if (row === null) throw new Error(`no definition body has the digest ${id}`);
      return json(row, "body");
    },
    names: (kind) =>
      driver.all("SELECT name FROM definitions WHERE kind = ? ORDER BY name", kind).map((row) => text(row, "name")),
    list: (kind) => driver.all(`${SELECT} WHERE kind = ? ORDER BY name`, kind).map(toDefinition),
    delete: (kind, name) => driver.run("DELETE FROM definitions WHERE kind = ? AND name = ?", kind, name) > 0,
  };
}

/** The same text for equal values, whatever the order of their keys. */
export function canonicalJson(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const members = Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key] ?? null)}`);
  return `{${members.join(",")}}`;
}

function digest(body: string): string {
  return createHash("sha256").update(body).digest("hex");
}

function toDefinition(row: Row): StoredDefinition {
  return {
    kind: text(row, "kind") as DefinitionKind,
    name: text(row, "name"),
    digest: text(row, "digest"),
    createdAt: text(row, "created_at"),
    updatedAt: text(row, "updated_at"),
    file: String(json(row, "file")),
    definition: json(row, "body"),
  };
}
