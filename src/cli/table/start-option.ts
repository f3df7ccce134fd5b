import { negatedFlag } from "../option-spec.ts";

/** Of every command that needs the server: it is started, unless this forbids it. */
export const start = negatedFlag("--no-start", "Refuse when the stack does not run, instead of starting it");
