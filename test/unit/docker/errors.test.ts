import { describe, expect, it } from "vitest";
import { type DockerEndpoint, DockerRequestError } from "../../../src/docker/engine.ts";
import {
  isNameConflict,
  isNoSuchImage,
  nullWhen,
  toDockerError,
  unresponsiveError,
} from "../../../src/docker/errors.ts";
import { AppError } from "../../../src/errors.ts";

const endpoint: DockerEndpoint = {
  url: "unix:///run/user/1/docker.sock",
  socketPath: "/run/user/1/docker.sock",
  source: "rootless socket",
  flavour: "rootless",
};
const systemError = (code: string) => Object.assign(new Error(`failed with ${code}`), { code });

describe("what a failed call means", () => {
  it.each([
    ["ECONNREFUSED", "DOCKER_NOT_RUNNING"],
    ["ENOENT", "DOCKER_NOT_RUNNING"],
    ["ECONNRESET", "DOCKER_NOT_RUNNING"],
    ["EPIPE", "DOCKER_NOT_RUNNING"],
    ["EACCES", "DOCKER_PERMISSION_DENIED"],
    ["HPE_INVALID_CONSTANT", "DOCKER_UNRESPONSIVE"],
  ])("%s is %s, with the endpoint and a next command", (code, expected) => {
    const error = toDockerError(systemError(code), endpoint);
    expect(error).toBeInstanceOf(AppError);
    expect(error).toMatchObject({ code: expected, message: expect.stringContaining(endpoint.url) });
    expect((error as AppError).actions.length).toBeGreaterThan(1);
  });

  it("a rootless engine that is not running is started in its own way", () => {
    const error = toDockerError(systemError("ECONNREFUSED"), endpoint);
    expect(error).toMatchObject({ hint: expect.stringContaining("systemctl --user start docker") });
  });

  it("a deadline names the call, the endpoint and the time", () => {
    expect(unresponsiveError(endpoint, "GET /info", 10_000).message).toBe(
      "Docker at unix:///run/user/1/docker.sock (rootless socket) did not answer GET /info within 10 s",
    );
  });

  it("leaves refusals, our own errors and bugs as they are", () => {
    for (const error of [new DockerRequestError(404, "x"), new AppError("INTERNAL", "x"), new TypeError("bug")]) {
      expect(toDockerError(error, endpoint)).toBe(error);
    }
  });
});

it("a taken name and a missing image are told from other refusals", () => {
  const taken = new DockerRequestError(409, 'Conflict. The container name "/a" is already in use by container "b".');
  const missing = new DockerRequestError(404, "No such image: a:b");
  expect([isNameConflict(taken), isNoSuchImage(taken)]).toEqual([true, false]);
  expect([isNameConflict(missing), isNoSuchImage(missing)]).toEqual([false, true]);
  expect(isNameConflict(new DockerRequestError(409, "container is paused"))).toBe(false);
  expect(isNoSuchImage(new DockerRequestError(404, "network x not found"))).toBe(false);
  expect(isNoSuchImage(new Error("No such image"))).toBe(false);
});

it("an answer that means already so is null, any other refusal stays one", async () => {
  const refuse = (status: number) => Promise.reject(new DockerRequestError(status, "no"));
  expect(await nullWhen([404], refuse(404))).toBeNull();
  await expect(nullWhen([404], refuse(409))).rejects.toThrow("no");
});
