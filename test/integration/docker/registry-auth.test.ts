import { chmod, mkdir, writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import type { DockerEndpoint } from "../../../src/docker/engine.ts";
import { createEngine } from "../../../src/docker/engine-dockerode.ts";
import { registryAuthHeader } from "../../../src/docker/registry-auth.ts";
import { serveFakeDocker } from "../../support/fake-docker.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const basic = (text: string) => Buffer.from(text).toString("base64");

/** A folder with a config.json, and on its PATH a credential helper that knows one registry. */
async function withConfig(config: object | string) {
  const directory = await temporaryDirectory();
  await writeFile(directory.file("config.json"), typeof config === "string" ? config : JSON.stringify(config));
  await mkdir(directory.file("bin"));
  const helper = directory.file("bin/docker-credential-fake");
  const known = '{"ServerURL":"held.example","Username":"helped","Secret":"by-helper"}';
  const token = '{"ServerURL":"token.example","Username":"<token>","Secret":"refresh"}';
  await writeFile(
    helper,
    `#!/bin/sh\n[ "$1" = get ] || exit 2\nread -r server || true\ncase "$server" in\n` +
      `held.example) echo '${known}';;\ntoken.example) echo '${token}';;\n` +
      `*) echo 'credentials not found in native keychain'; exit 1;;\nesac\n`,
  );
  await chmod(helper, 0o755);
  const env = { PATH: `${directory.file("bin")}:${process.env["PATH"]}` };
  return {
    directory,
    sources: { configDir: directory.path, env },
    [Symbol.asyncDispose]: directory[Symbol.asyncDispose],
  };
}

async function credentialsFor(registry: string, config: object | string): Promise<unknown> {
  await using made = await withConfig(config);
  const header = await registryAuthHeader(registry, made.sources);
  expect(header).toMatch(/^[A-Za-z0-9_-]+$/); // The engine reads the URL-safe alphabet only.
  return JSON.parse(Buffer.from(header, "base64url").toString());
}

describe("the credentials of a registry", () => {
  it("are those that docker login stored, a password may hold colons", async () => {
    const config = { auths: { "r.example:5000": { auth: basic("ada:pass:word?>") } } };
    expect(await credentialsFor("r.example:5000", config)).toEqual({
      username: "ada",
      password: "pass:word?>",
      serveraddress: "r.example:5000",
    });
  });

  it("of Docker Hub are stored under its old address", async () => {
    const config = { auths: { "https://index.docker.io/v1/": { auth: basic("ada:x") } } };
    expect(await credentialsFor("docker.io", config)).toMatchObject({ username: "ada" });
  });

  it("come from the helper of that registry, or from the store of all", async () => {
    const helped = { username: "helped", password: "by-helper", serveraddress: "held.example" };
    expect(await credentialsFor("held.example", { credHelpers: { "held.example": "fake" } })).toEqual(helped);
    expect(await credentialsFor("held.example", { credsStore: "fake" })).toEqual(helped);
    expect(await credentialsFor("token.example", { credsStore: "fake" })).toEqual({
      identitytoken: "refresh",
      serveraddress: "token.example",
    });
  });

  it.each([
    ["nothing is stored", {}],
    ["another registry's are stored", { auths: { "other.example": { auth: basic("a:b") } } }],
    ["the helper knows none", { credsStore: "fake" }],
    ["the helper is not installed", { credsStore: "missing" }],
    ["config.json is damaged", "{"],
  ])("are an empty object when %s", async (_name, config) => {
    expect(await credentialsFor("r.example", config)).toEqual({});
  });

  it("fall back to what is stored when the helper knows none", async () => {
    const config = { credsStore: "fake", auths: { "r.example": { auth: basic("ada:x") } } };
    expect(await credentialsFor("r.example", config)).toMatchObject({ username: "ada" });
  });

  it("go with pulls and pushes as a header", async () => {
    await using made = await withConfig({ auths: { "r.example": { auth: basic("ada:x") } } });
    const sent: unknown[] = [];
    await using docker = await serveFakeDocker(made.directory.file("d.sock"), (request, response) => {
      sent.push(JSON.parse(Buffer.from(String(request.headers["x-registry-auth"]), "base64url").toString()));
      response.end('{"status":"Pulling"}\n{"errorDetail":{"message":"denied"},"error":"denied"}\n');
    });
    const { socketPath } = docker;
    const endpoint: DockerEndpoint = { url: `unix://${socketPath}`, socketPath, source: "test", flavour: "unknown" };
    const engine = await createEngine(endpoint, made.sources);
    const never = new AbortController().signal;
    const steps = [];
    for await (const step of engine.pullImage("r.example/a/b:c", never)) steps.push(step);
    for await (const step of engine.pushImage("r.example/a/b", never)) steps.push(step);
    expect(docker.requests).toEqual([
      "POST /v1.41/images/create?fromImage=r.example%2Fa%2Fb&tag=c",
      "POST /v1.41/images/r.example/a/b/push?tag=latest",
    ]);
    expect(sent).toMatchObject([{ username: "ada" }, { username: "ada" }]);
    expect(steps.map(({ error, text }) => error ?? text)).toEqual(["Pulling", "denied", "Pulling", "denied"]);
  });
});
