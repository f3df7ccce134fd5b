import { expect, test } from "vitest";
import { startRunner } from "../../support/docker-runner-rig.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const ID = "c1";

/** Each is refused before the engine is asked: there is none. */
const BODIES: [string, unknown][] = [
  ["/v1/containers/start", {}],
  ["/v1/containers/start", { image: "app", Image: "app" }],
  ["/v1/containers/start", { image: "app", privileged: "false" }],
  ["/v1/containers/start", { image: "app", name: "../x" }],
  ["/v1/containers/start", { image: "app", env: { "A=B": "c" } }],
  ["/v1/containers/start", { image: "app", env: { "A=B": 5 } }],
  ["/v1/containers/start", { image: "app", env: { A: "b\0" } }],
  ["/v1/containers/start", { image: "app", env: ["A=b\0"] }],
  ["/v1/containers/start", { image: "app", env: ["A"] }],
  ["/v1/containers/start", { image: "app", labels: { "a\0": "b" } }],
  ["/v1/containers/start", { image: "app", labels: { "": "b" } }],
  ["/v1/containers/start", { image: "app", cmd: ["a\0b"] }],
  ["/v1/containers/start", { image: "app", cmd: "a b" }],
  ["/v1/containers/start", { image: "app", workingDir: "/a\0" }],
  ["/v1/containers/start", { image: "app", user: "a\0" }],
  ["/v1/containers/start", { image: "app", ttlSeconds: "5" }],
  ["/v1/containers/stop", { containerId: ID, timeoutSec: -1 }],
  ["/v1/containers/remove", { containerId: ID, force: "true" }],
  ["/v1/containers/touch", { containerId: "a/b" }],
  ["/v1/containers/touch", null],
  ["/v1/containers/touch", []],
  ["/v1/containers/findByLabels", { labels: {} }],
  ["/v1/containers/findByLabels", { labels: { a: 1 } }],
  ["/v1/containers/findByLabels", { labels: { "": "x" } }],
  ["/v1/containers/putArchive", { containerId: ID, path: "/", payloadBase64: "***" }],
  ["/v1/exec/run", { containerId: ID, command: "" }],
  ["/v1/exec/run", { containerId: ID, command: [] }],
  ["/v1/exec/run", { containerId: ID, command: "a\0b" }],
  ["/v1/exec/run", { containerId: ID, command: ["a", "b\0"] }],
  ["/v1/exec/run", { containerId: ID, command: "a", options: { workdir: "/\0" } }],
  ["/v1/exec/run", { containerId: ID, command: "a", options: { env: { "A=B": "c" } } }],
  ["/v1/exec/run", { containerId: ID, command: "a", options: { timeoutMs: "100" } }],
  ["/v1/exec/resize", { execId: "a".repeat(64), size: { cols: 0, rows: 1 } }],
];

const QUERIES = [
  "/v1/containers/inspect",
  "/v1/containers/inspect?containerId=",
  "/v1/containers/inspect?containerId=a&containerId=b",
  "/v1/containers/inspect?containerId=a&other=b",
  "/v1/containers/listByVolume?volumeName=",
  ...["1", "0", "yes", "TRUE", ""].map((text) => `/v1/containers/logs/sse?containerId=${ID}&follow=${text}`),
  ...["-1", "x", ""].map((text) => `/v1/containers/logs/sse?containerId=${ID}&tail=${text}`),
  `/v1/containers/logs/sse?containerId=${ID}&since=yesterday`,
  "/v1/events/sse?filters=%25%25",
  "/v1/events/sse?since=",
];

test("bad bodies and queries are 400 validation_error of the documented shape; booleans are true or false only", async () => {
  await using directory = await temporaryDirectory();
  await using rig = await startRunner({ socketPath: directory.file("none.sock"), relaxed: { images: ["app"] } });
  const error = { code: "validation_error", message: expect.any(String), retryable: false };
  for (const [path, body] of BODIES) {
    const { json, status } = await rig.caller.post(path, body);
    expect([path, body, status, json]).toMatchObject([path, body, 400, { error }]);
  }
  const deep = `{"image":"app","createExtras":{"User":${"[".repeat(100_000)}${"]".repeat(100_000)}}}`;
  const headers = { "content-type": "application/json", "idempotency-key": "deep" };
  const nested = await rig.caller.send("POST", "/v1/containers/start", deep, { headers });
  expect(nested).toMatchObject({ status: 400, json: { error } });
  for (const path of QUERIES) {
    const { json, status } = await rig.caller.get(path);
    expect([path, status, json]).toMatchObject([path, 400, { error }]);
  }
});
