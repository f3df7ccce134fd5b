import Type, { type Static } from "typebox";
import { ContainerReference, EnvironmentInput, LabelMap, PlainText, strict } from "./fields.ts";

const Words = Type.Array(PlainText);

/** A year: longer than any run, short enough for the sum of two not to overflow. */
const MAX_TTL_SECONDS = 366 * 24 * 3600;

export const ContainerOptions = Type.Object(
  {
    image: Type.String({ minLength: 1, maxLength: 512 }),
    name: Type.Optional(Type.String({ pattern: "^[A-Za-z0-9][A-Za-z0-9_.-]+$", maxLength: 128 })),
    cmd: Type.Optional(Words),
    entrypoint: Type.Optional(Type.Union([PlainText, Words])),
    env: Type.Optional(EnvironmentInput),
    workingDir: Type.Optional(PlainText),
    autoRemove: Type.Optional(Type.Boolean({ default: true })),
    binds: Type.Optional(Words),
    networkMode: Type.Optional(Type.String()),
    user: Type.Optional(PlainText),
    tty: Type.Optional(Type.Boolean({ default: false })),
    labels: Type.Optional(LabelMap),
    platform: Type.Optional(Type.String({ pattern: "^[a-z0-9]+(/[a-z0-9]+){0,2}$" })),
    privileged: Type.Optional(Type.Boolean()),
    anonymousVolumes: Type.Optional(Words),
    createExtras: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    ttlSeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_TTL_SECONDS })),
  },
  strict,
);
export type ContainerOptions = Static<typeof ContainerOptions>;

export const StartedContainer = Type.Object({
  containerId: Type.String(),
  name: Type.Optional(Type.String()),
  status: Type.Literal("running"),
});
export type StartedContainer = Static<typeof StartedContainer>;

export const StopBody = Type.Object(
  { containerId: ContainerReference, timeoutSec: Type.Optional(Type.Integer({ minimum: 0, maximum: 3600 })) },
  strict,
);

export const RemoveBody = Type.Object(
  {
    containerId: ContainerReference,
    force: Type.Optional(Type.Boolean()),
    removeVolumes: Type.Optional(Type.Boolean()),
  },
  strict,
);

export const FindBody = Type.Object(
  {
    labels: Type.Record(Type.String({ pattern: "^[^\\u0000]+$" }), Type.String(), {
      ...strict,
      minProperties: 1,
    }),
    all: Type.Optional(Type.Boolean()),
  },
  strict,
);

export const VolumeQuery = Type.Object({ volumeName: Type.String({ minLength: 1, maxLength: 256 }) }, strict);

export const RemoveVolumeBody = Type.Object(
  { volumeName: Type.String({ minLength: 1, maxLength: 256 }), force: Type.Optional(Type.Boolean()) },
  strict,
);

export const ContainerIds = Type.Object({ containerIds: Type.Array(Type.String()) });
