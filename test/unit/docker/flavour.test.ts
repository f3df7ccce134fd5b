import { expect, it } from "vitest";
import { flavourOfSocket, refineFlavour } from "../../../src/docker/flavour.ts";

const linux = { platform: "linux", systemd: true } as const;

it.each([
  ["/home/a/.config/colima/default/docker.sock", "colima"],
  ["/Users/a/.orbstack/run/docker.sock", "orbstack"],
  ["/run/user/0/docker.sock", "rootless"],
  ["/run/docker.sock", "systemd"],
  ["/srv/docker.sock", "unknown"],
])("%s belongs to %s", (path, flavour) => {
  expect(flavourOfSocket(path, linux)).toBe(flavour);
});

it("what the engine says about itself beats its socket's path", () => {
  expect(refineFlavour("systemd", { operatingSystem: "Docker Desktop", rootless: false })).toBe("docker-desktop");
  expect(refineFlavour("unknown", { operatingSystem: "OrbStack", rootless: false })).toBe("orbstack");
  expect(refineFlavour("systemd", { operatingSystem: "Debian GNU/Linux 12", rootless: true })).toBe("rootless");
  expect(refineFlavour("podman", { operatingSystem: "fedora", rootless: true })).toBe("podman");
  expect(refineFlavour("systemd", { operatingSystem: "Debian GNU/Linux 12", rootless: false })).toBe("systemd");
});
