import { expect, test } from "vitest";
import { AppError } from "../../../src/errors.ts";
import { parseReference, registryOf, versionReference } from "../../../src/image/reference.ts";

test.each([
  ["stigmer-agent-runner:local", "stigmer-agent-runner", "local", null],
  ["stigmer-agent-runner", "stigmer-agent-runner", null, null],
  ["127.0.0.1:5000/team/runner:v1.2.3", "127.0.0.1:5000/team/runner", "v1.2.3", null],
  ["localhost:5000/runner", "localhost:5000/runner", null, null],
  ["Registry.Example.com/a_b/c-d__e:T", "Registry.Example.com/a_b/c-d__e", "T", null],
])("%s is repository, tag and digest", (text, repository, tag, digest) => {
  expect(parseReference(text)).toEqual({ repository, tag, digest });
});

test("a digest is told from a tag", () => {
  const digest = `sha256:${"0".repeat(64)}`;
  expect(parseReference(`runner@${digest}`)).toEqual({ repository: "runner", tag: null, digest });
});

test.each(["", "two words", "Runner:local", "runner:", "runner:-x", "-runner", "https://host/runner", "host:port/x"])(
  "%j is a usage error that shows how to write one",
  (text) => {
    const error = catchError(() => parseReference(text));
    expect(error).toMatchObject({ code: "USAGE", hint: expect.stringContaining("NAME:TAG") });
  },
);

test("the version becomes a tag of the same repository", () => {
  expect(versionReference("host:5000/runner", "1.2.3")).toBe("host:5000/runner:v1.2.3");
  expect(versionReference("runner", "1.2.3+build.7")).toBe("runner:v1.2.3-build.7");
});

test.each([
  ["runner:x", null],
  ["team/runner", null],
  ["localhost/runner", "localhost"],
  ["127.0.0.1:5000/runner", "127.0.0.1:5000"],
  ["ghcr.io/a/b", "ghcr.io"],
])("the registry of %s is %s", (reference, registry) => {
  expect(registryOf(reference)).toBe(registry);
});

function catchError(action: () => unknown): AppError {
  try {
    action();
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}
