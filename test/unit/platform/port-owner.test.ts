import { expect, test } from "vitest";
import { describeOwner, type PortOwner } from "../../../src/platform/port-owner.ts";

const owner = (changes: Partial<PortOwner>): PortOwner => ({
  pid: 4711,
  command: "node server.js",
  containerId: null,
  address: "127.0.0.1:7234",
  environment: { instance: null, component: null },
  ...changes,
});
const marks = { instance: "one", component: "temporal" };

test("a foreign owner is named with PID, command and container", () => {
  expect(describeOwner(owner({ containerId: `${"abcdef".repeat(10)}0123` }), "one")).toEqual({
    sentence: "127.0.0.1:7234 is held by process 4711 (node server.js) in container abcdefabcdef",
    ownership: "foreign",
  });
});

test("the proxy of a published port leads to its container", () => {
  const command = "/usr/bin/docker-proxy -proto tcp -host-ip 127.0.0.1 -host-port 7234 -container-port 80";
  expect(describeOwner(owner({ command }), "one").sentence).toContain("docker ps --filter publish=7234");
  expect(describeOwner(owner({ command: "vi docker-proxy" }), "one").sentence).not.toContain("docker ps");
});

test("another user's process is foreign and said to be so", () => {
  const unknown = owner({ pid: null, command: null, environment: null });
  expect(describeOwner(unknown, "one")).toEqual({
    sentence: "127.0.0.1:7234 is held by a process of another user",
    ownership: "foreign",
  });
});

test.each([
  [{ environment: marks, orphaned: false }, "one", "ours"],
  [{ environment: marks, orphaned: true }, "one", "earlier run"],
  [{ environment: marks, orphaned: true }, "other", "foreign"],
  [{ environment: marks }, null, "foreign"],
  [{ environment: { instance: null, component: null } }, null, "foreign"],
] as const)("%j is, for the home %s, %s", (changes, instance, ownership) => {
  expect(describeOwner(owner(changes), instance).ownership).toBe(ownership);
});
