import { createServer } from "node:net";
import { describe, expect, test } from "vitest";
import { describeOwner, findListener, isPortFree, pickFreePort } from "../../../src/platform/ports.ts";
import { identifySync } from "../../../src/platform/process-identity.ts";
import { endGroup, Puppet } from "../../support/puppet.ts";

const host = "127.0.0.1";
const env = { STIGMER_INSTANCE: "one", STIGMER_COMPONENT: "stigmer-server" };

test("a listener is found with PID, command line and address, and is foreign without our marks", async () => {
  await using puppet = await Puppet.start();
  const port = Number(await puppet.tell("listen", { host, port: 0 }));
  const owner = await findListener(port);
  expect(owner).toMatchObject({ pid: puppet.pid, containerId: null, address: `${host}:${port}` });
  expect(owner?.command).toContain("puppet.mjs");
  if (owner === null) return;
  const { sentence, ownership } = describeOwner(owner, "one");
  expect(ownership).toBe("foreign");
  expect(sentence).toContain(`process ${puppet.pid} (`);
});

test("IPv6 and wildcard listeners are found, and only those that stand in the way", async () => {
  await using puppet = await Puppet.start();
  const everywhere = Number(await puppet.tell("listen", { host: "::", port: 0 }));
  expect(await findListener(everywhere, host)).toMatchObject({ pid: puppet.pid, address: `[::]:${everywhere}` });
  const loopback6 = Number(await puppet.tell("listen", { host: "::1", port: 0 }));
  expect(await findListener(loopback6, "::1")).toMatchObject({ pid: puppet.pid });
  expect(await findListener(loopback6, host)).toBeNull();
});

test("a port that is only connected to, or free, has no listener", async () => {
  expect(await findListener(await pickFreePort(host))).toBeNull();
});

test("a bound port is not free, and free again afterwards", async () => {
  await using puppet = await Puppet.start();
  const port = Number(await puppet.tell("listen", { host, port: 0 }));
  expect(await isPortFree(host, port)).toBe(false);
  await puppet.tell("exit", { code: 0 });
  await puppet.exited();
  expect(await isPortFree(host, port)).toBe(true);
});

test("a port that was picked can be bound", async () => {
  const port = await pickFreePort(host);
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port }, resolve);
  });
  await new Promise((resolve) => server.close(resolve));
});

test("an address of another machine is CONFIG_INVALID and names it", async () => {
  await expect(isPortFree("192.0.2.1", 0)).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    message: "192.0.2.1 is no address of this machine",
  });
});

describe.runIf(process.platform === "linux")("on Linux", () => {
  test("a server of this home is ours, of another home foreign", async () => {
    await using server = await Puppet.start({ env });
    const owner = await findListener(Number(await server.tell("listen", { host, port: 0 })));
    if (owner === null) return expect.unreachable();
    expect(owner.environment).toEqual({ instance: "one", component: "stigmer-server" });
    expect(describeOwner(owner, "one").ownership).toBe("ours");
    expect(describeOwner(owner, "two").ownership).toBe("foreign");
  });

  test("a component is ours while its server lives, and what an earlier run left behind afterwards", async () => {
    await using server = await Puppet.start({ env });
    const port = await pickFreePort(host);
    const then = [{ command: "listen", host, port }, { command: "forget" }];
    const pid = await server.tell("breed", { detached: true, env: { STIGMER_COMPONENT: "temporal" }, then });
    const component = identifySync(Number(pid));
    if (component === null) return expect.unreachable();
    try {
      const during = await findListener(port);
      expect(during && describeOwner(during, "one").ownership).toBe("ours");
      server.child.kill("SIGKILL");
      await server.exited();
      const after = await findListener(port);
      expect(after && describeOwner(after, "one")).toMatchObject({
        ownership: "earlier run",
        sentence: expect.stringContaining("temporal that an earlier run of this home left behind"),
      });
    } finally {
      await endGroup(component);
    }
  });
});
