import { expect, test } from "vitest";
import { classifyRegistryFailure, describeRegistryFailure } from "../../../src/image/registry-failure.ts";

/** What engines 20.10 to 29 say. */
test.each([
  ['Get "https://registry-1.docker.io/v2/": dial tcp: lookup registry-1.docker.io: no such host', "unreachable"],
  ['Get "http://127.0.0.1:9/v2/": dial tcp 127.0.0.1:9: connect: connection refused', "unreachable"],
  [
    'Get "https://10.0.0.1/v2/": net/http: request canceled (Client.Timeout exceeded while awaiting headers)',
    "unreachable",
  ],
  ["http: server gave HTTP response to HTTPS client", "unreachable"],
  ["x509: certificate signed by unknown authority", "unreachable"],
  ["timeout: nothing was heard for 5 s", "unreachable"],
  ["manifest for 127.0.0.1:5000/x:v1 not found: manifest unknown: manifest unknown", "not-found"],
  ["pull access denied for x, repository does not exist or may require 'docker login'", "unauthorised"],
  ["unauthorized: authentication required", "unauthorised"],
  ["no matching manifest for linux/arm64/v8 in the manifest list entries", "wrong-architecture"],
  ["failed to register layer: write /usr/bin/node: no space left on device", "disk-full"],
  ["received unexpected HTTP status: 500 Internal Server Error", "other"],
] as const)("%s is %s", (text, failure) => {
  expect(classifyRegistryFailure(text)).toBe(failure);
});

test("the sentence names the registry when there is one", () => {
  expect(describeRegistryFailure("unreachable", "127.0.0.1:9")).toBe("the registry 127.0.0.1:9 cannot be reached");
  expect(describeRegistryFailure("not-found", null)).toBe("the registry does not have it");
});
