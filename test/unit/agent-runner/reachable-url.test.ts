import { expect, test } from "vitest";
import { reachableUrl } from "../../../agent-runner/src/models/reachable-url.ts";

test.each([
  ["http://127.0.0.1:11434/v1", "http://host.docker.internal:11434/v1"],
  ["http://localhost:8080", "http://host.docker.internal:8080"],
  ["http://[::1]:8080/", "http://host.docker.internal:8080/"],
  ["http://10.0.0.7:11434/v1", "http://10.0.0.7:11434/v1"],
  ["https://example.org/v1", "https://example.org/v1"],
  ["no address at all", "no address at all"],
])("where loopback is not the host's, %s is reached at %s", (url, expected) => {
  expect(reachableUrl(url, "host.docker.internal")).toBe(expected);
});

test("where loopback is the host's, an address stays as it is", () => {
  expect(reachableUrl("http://127.0.0.1:11434/v1", null)).toBe("http://127.0.0.1:11434/v1");
});
