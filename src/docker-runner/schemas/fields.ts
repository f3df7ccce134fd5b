import Type from "typebox";

/** An object whose every key is known: a misspelt one is an error, not a silent default. */
export const strict = { additionalProperties: false } as const;

/** The `error` of every answer that is no success. */
const ErrorAnswer = Type.Object({
  error: Type.Object({
    code: Type.String(),
    message: Type.String(),
    retryable: Type.Boolean(),
    details: Type.Optional(Type.Unknown()),
  }),
});

/** Every route's answers that are no success. */
export const failures = { "4xx": ErrorAnswer, "5xx": ErrorAnswer } as const;

export const Nothing = Type.Null({ description: "Done; the answer has no body" });

/** ID, beginning of an ID, or name. */
export const ContainerReference = Type.String({
  minLength: 1,
  maxLength: 256,
  pattern: "^[A-Za-z0-9][A-Za-z0-9_.-]*$",
});

export const ContainerBody = Type.Object({ containerId: ContainerReference }, strict);
export const ContainerQuery = Type.Object({ containerId: ContainerReference }, strict);

/** Booleans of a query are spelt out: "0", "yes" and "" are mistakes, and must not be read as one of the two. */
export const QueryBoolean = Type.Union([Type.Literal("true"), Type.Literal("false")]);

/** What a process can be given: no argument, path or variable of the kernel's holds a NUL. */
export const PlainText = Type.String({ pattern: "^[^\\u0000]*$" });

/** `KEY=value` lines or a map. A key that does not match its pattern is refused only where others are. */
export const EnvironmentInput = Type.Union([
  Type.Record(Type.String({ pattern: "^[^=\\u0000]+$" }), PlainText, strict),
  Type.Array(Type.String({ pattern: "^[^=\\u0000]+=[^\\u0000]*$" })),
]);

export const LabelMap = Type.Record(Type.String({ pattern: "^[^\\u0000]+$" }), PlainText, strict);

export const EventStream = Type.String({ description: "An event stream" });
