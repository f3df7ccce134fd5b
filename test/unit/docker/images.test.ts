import { describe, expect, it } from "vitest";
import type { ImageProgress } from "../../../src/docker/engine.ts";
import { type ProgressDocument, toImageProgress } from "../../../src/docker/image-progress.ts";
import { parseImageReference } from "../../../src/docker/image-reference.ts";

const digest = `sha256:${"a".repeat(64)}`;

it.each([
  ["node", "node", null, "docker.io"],
  ["node:24", "node", "24", "docker.io"],
  ["ada/app:1", "ada/app", "1", "docker.io"],
  ["localhost/app", "localhost/app", null, "localhost"],
  ["127.0.0.1:5000/app", "127.0.0.1:5000/app", null, "127.0.0.1:5000"],
  ["registry.example/team/app:1.2", "registry.example/team/app", "1.2", "registry.example"],
  [`app@${digest}`, "app", digest, "docker.io"],
  [`h:5000/app:1@${digest}`, "h:5000/app", digest, "h:5000"],
])("%s is taken apart", (reference, repository, tag, registry) => {
  expect(parseImageReference(reference)).toEqual({ repository, tag, registry });
});

describe("a progress line", () => {
  it.each<[ProgressDocument, ImageProgress | null]>([
    [{ stream: "Step 1/2 : FROM x\n" }, { text: "Step 1/2 : FROM x", error: null, imageId: null }],
    [{ stream: "\n" }, null],
    [{ aux: { ID: digest } }, { text: "", error: null, imageId: digest }],
    [
      { stream: "Successfully built 0123456789ab\n" },
      { text: "Successfully built 0123456789ab", error: null, imageId: null },
    ],
    [
      { status: "Downloading", id: "a1b2", progress: "[=>  ] 1MB/2MB" },
      { text: "a1b2: Downloading [=>  ] 1MB/2MB", error: null, imageId: null },
    ],
    [{ status: "Pulling from app" }, { text: "Pulling from app", error: null, imageId: null }],
    [
      { error: "short", errorDetail: { message: "the whole story" } },
      { text: "", error: "the whole story", imageId: null },
    ],
    [{ error: "denied" }, { text: "", error: "denied", imageId: null }],
    [{ aux: { Tag: "1", Digest: digest } }, null],
  ])("%j", (document, progress) => {
    expect(toImageProgress(document)).toEqual(progress);
  });
});
