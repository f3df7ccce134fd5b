import Type from "typebox";
import { ContainerReference, EnvironmentInput, PlainText, strict } from "./fields.ts";

/** Text runs in `/bin/sh -lc`, a list as it is. */
const CommandInput = Type.Union([
  Type.String({ minLength: 1, pattern: "^[^\\u0000]+$" }),
  Type.Array(PlainText, { minItems: 1 }),
]);

/** 0 is no limit. */
const Milliseconds = Type.Number({ minimum: 0 });

export const ExecRunBody = Type.Object(
  {
    containerId: ContainerReference,
    command: CommandInput,
    options: Type.Optional(
      Type.Object(
        {
          workdir: Type.Optional(PlainText),
          env: Type.Optional(EnvironmentInput),
          timeoutMs: Type.Optional(Milliseconds),
          idleTimeoutMs: Type.Optional(Milliseconds),
          tty: Type.Optional(Type.Boolean()),
          killOnTimeout: Type.Optional(Type.Boolean()),
          logToPid1: Type.Optional(Type.Boolean()),
        },
        strict,
      ),
    ),
  },
  strict,
);

export const ExecOutcome = Type.Object({
  stdout: Type.String(),
  stderr: Type.String(),
  exitCode: Type.Integer(),
  dropped: Type.Object({ stdout: Type.Integer(), stderr: Type.Integer() }),
  loggedToPid1: Type.Optional(Type.Boolean()),
});

const Cells = Type.Integer({ minimum: 1, maximum: 65_535 });
const TerminalSize = Type.Object({ cols: Cells, rows: Cells }, strict);

export const ExecResizeBody = Type.Object(
  { execId: Type.String({ pattern: "^[0-9a-f]{64}$" }), size: TerminalSize },
  strict,
);
