import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { appendFile, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { dockerNames } from "../../../src/deploy/deployment-name.ts";
import { ownLabels } from "../../../src/deploy/labels.ts";
import { down } from "../../../src/deploy/up/down.ts";
import { deploymentStatus } from "../../../src/deploy/up/status.ts";
import { importTinyImage } from "../../support/tiny-image.ts";
import { stubServer, type UpRig, upRig } from "../../support/up-rig.ts";

const BUILD_MS = 600_000;
const SECRET = `it's a "secret" \\ $HOME`;

describe("a deployment that is up", { timeout: BUILD_MS }, () => {
  let rig: UpRig;
  let id: string;

  beforeAll(async () => {
    rig = await upRig();
    id = await rig.up({ secrets: { THE_KEY: SECRET } });
  }, BUILD_MS);

  afterAll(() => rig[Symbol.asyncDispose]());

  test("answers on its port, and status tells so", async () => {
    expect(await rig.get("/")).toEqual({ status: 200, text: "hello" });
    expect(await deploymentStatus(rig.engine, rig.name)).toEqual({
      name: rig.name,
      url: `http://127.0.0.1:${rig.port}`,
      containerId: id,
      directory: rig.directory,
      state: "running",
    });
  });

  test("is one container, network, volume and image, whose names begin with its name", async () => {
    const { container, image, jobsVolume } = dockerNames(rig.name);
    const { containers, images, networks, volumes } = await rig.resources();
    expect(containers).toEqual([`${container} ${id}`]);
    expect(images).toEqual([expect.stringMatching(`^${image} sha256:`)]);
    expect(networks).toHaveLength(1);
    expect(volumes).toEqual([jobsVolume]);
  });

  test("has no rights, limits, loopback alone, an init and a restart policy", async () => {
    const { Config, HostConfig } = inspect(id);
    expect(HostConfig).toMatchObject({
      Privileged: false,
      CapDrop: ["ALL"],
      SecurityOpt: ["no-new-privileges"],
      RestartPolicy: { Name: "unless-stopped" },
      PortBindings: { "8000/tcp": [{ HostIp: "127.0.0.1", HostPort: String(rig.port) }] },
      Init: true,
      PidsLimit: 256,
      Memory: 512 * 1024 * 1024,
      NanoCpus: 1e9,
    });
    expect(Config.User).toBe("10001:10001");
    expect(await logOf(rig, id)).toContain("uid 10001");
  });

  test("has its keys in a file that only its user can read, and nowhere else", async () => {
    expect((await rig.get("/keys")).text).toBe(`THE_KEY="it's a \\"secret\\" \\\\ $HOME"\n`);
    const stat = await rig.engine.exec(id, ["stat", "-c", "%a %u:%g", "/run/stigmer/keys.env"]);
    expect(stat.stdout.trim()).toBe("400 10001:10001");
    const image = execFileSync("docker", ["image", "history", "--no-trunc", dockerNames(rig.name).image]).toString();
    expect(`${JSON.stringify(inspect(id))}${image}${await logOf(rig, id)}`).not.toContain("secret");
  });

  test("is built of at most 200 MB", async () => {
    const info = await rig.engine.inspectImage(dockerNames(rig.name).image);
    expect(info?.sizeBytes).toBeLessThan(200_000_000);
    expect(info).toMatchObject({ user: "10001:10001", hasHealthcheck: true, labels: ownLabels(rig.name) });
  });

  test("is replaced by a second up, and its data stays", async () => {
    const second = await rig.up({ server: stubServer({ say: "second" }) });
    expect(second).not.toBe(id);
    expect((await rig.get("/")).text).toBe("second");
    expect((await rig.resources())["containers"]).toEqual([`${rig.name} ${second}`]);
    expect((await rig.resources())["images"]).toHaveLength(1);
    expect((await rig.get("/kept")).text).toBe("true");
    id = second;
  });

  test("serves while its successor is built and proved", async () => {
    const answers: Promise<{ status: number; text: string }>[] = [];
    await rig.up({ server: stubServer({ say: "third" }), onProgress: () => answers.push(rig.get("/")) });
    const texts = (await Promise.all(answers)).map(({ text }) => text);
    expect(rig.progress).toContain("Proving the candidate");
    expect(texts.filter((text) => text === "second").length).toBeGreaterThanOrEqual(2);
    expect(texts.at(-1)).toBe("third");
  });

  test("ends by itself on SIGTERM: no shell swallows it", async () => {
    const [service] = await rig.engine.listContainers([`ai.stigmer.deployment=${rig.name}`]);
    await rig.engine.killContainer(service?.id ?? "", "SIGTERM");
    // Docker starts it again: that it ended by itself stands in its log.
    await expect.poll(() => logOf(rig, service?.id ?? ""), { timeout: 30_000 }).toContain("ending");
  });

  test("leaves its jobs alone when it goes down, and is not found after that", async () => {
    const { jobsVolume } = dockerNames(rig.name);
    expect(await down({ engine: rig.engine, name: rig.name, volumes: false })).toEqual({ keptVolume: jobsVolume });
    expect(await rig.resources()).toEqual({ containers: [], images: [], networks: [], volumes: [jobsVolume] });
    await expect(deploymentStatus(rig.engine, rig.name)).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(down({ engine: rig.engine, name: rig.name, volumes: false })).rejects.toMatchObject({
      code: "NOT_FOUND",
    });
    await down({ engine: rig.engine, name: rig.name, volumes: true });
    expect(await rig.resources()).toEqual(NOTHING);
  });
});

describe("a second version that is no good leaves the first one serving", { timeout: BUILD_MS }, () => {
  let rig: UpRig;
  let before: Record<string, string[]>;

  beforeAll(async () => {
    rig = await upRig();
    await rig.up({ server: stubServer({ say: "first" }) });
    before = await rig.resources();
  }, BUILD_MS);

  afterAll(() => rig[Symbol.asyncDispose]());

  async function expectFirst(): Promise<void> {
    await expect.poll(() => rig.get("/").then(({ text }) => text, String), { timeout: 60_000 }).toBe("first");
    expect(await rig.resources()).toEqual(before);
  }

  test("when it dies at its start, with its reason and its last lines", async () => {
    const server = stubServer({ first: 'console.error("the reason"); process.exit(7);' });
    await expect(rig.up({ server })).rejects.toMatchObject({
      code: "COMPONENT_EXITED",
      message: expect.stringContaining("exit 7"),
      detail: expect.stringContaining("the reason"),
    });
    await expectFirst();
  });

  test("when it is never healthy", async () => {
    const server = stubServer({ first: 'console.log("waiting"); setInterval(() => {}, 1000); if (1) return;' });
    await expect(rig.up({ server, timeoutMs: 3_000 })).rejects.toMatchObject({
      code: "START_TIMEOUT",
      detail: expect.stringContaining("waiting"),
    });
    await expectFirst();
  });

  test("when it fails only on the data of the first one", async () => {
    const server = stubServer({ first: 'if (existsSync(kept)) { console.error("bad data"); process.exit(3); }' });
    await expect(rig.up({ server })).rejects.toMatchObject({ code: "COMPONENT_EXITED" });
    expect(rig.progress).toContain("Proving the candidate");
    await expectFirst();
  });

  test("when its image cannot be built", async () => {
    const edit = (directory: string) => appendFile(`${directory}/Dockerfile`, "USER root\nRUN echo because; exit 9\n");
    await expect(rig.up({ edit })).rejects.toMatchObject({
      code: "IMAGE_BUILD_FAILED",
      detail: expect.stringContaining("because"),
    });
    await expectFirst();
  });

  test("when it is interrupted in the middle", async () => {
    for (const moment of ["Building", "Proving"]) {
      const interruption = new AbortController();
      const reason = new Error("interrupted");
      const onProgress = (line: string) => line.startsWith(moment) && interruption.abort(reason);
      await expect(rig.up({ signal: interruption.signal, onProgress })).rejects.toBe(reason);
      await expectFirst();
    }
  });

  test("when somebody has its new port", async () => {
    const holder = createServer().listen(0, "127.0.0.1");
    await once(holder, "listening");
    const address = holder.address();
    const apiPort = typeof address === "object" && address !== null ? address.port : 0;
    await expect(rig.up({ apiPort })).rejects.toMatchObject({
      code: "PORT_IN_USE",
      message: expect.stringContaining(String(process.pid)),
    });
    holder.close();
    await expectFirst();
  });
});

describe("a first up", { timeout: BUILD_MS }, () => {
  test("that fails leaves nothing", async () => {
    await using rig = await upRig();
    await expect(rig.up({ server: stubServer({ first: "process.exit(1)" }) })).rejects.toMatchObject({
      code: "COMPONENT_EXITED",
    });
    expect(await rig.resources()).toEqual(NOTHING);
  });

  test("that is interrupted at any moment of its build leaves nothing", async () => {
    await using rig = await upRig();
    for (const afterMs of [50, 300, 600, 900, 1_200]) {
      const interruption = new AbortController();
      const reason = new Error("interrupted");
      const onProgress = (line: string) =>
        line.startsWith("Building") && setTimeout(() => interruption.abort(reason), afterMs);
      // Another server each time: no step is taken from a cache.
      const server = stubServer({ say: `after ${afterMs}` });
      await expect(rig.up({ server, signal: interruption.signal, onProgress })).rejects.toBe(reason);
      expect(await rig.resources()).toEqual(NOTHING);
    }
  });

  test("never touches a container, a network, a volume or an image of its name that is somebody else's", async () => {
    await using rig = await upRig();
    const names = dockerNames(rig.name);
    const { container, jobsVolume, network } = names;
    const image = `${rig.name}-tiny:test`;
    await importTinyImage(rig.engine, image);
    const foreign: [string[], string[]][] = [
      [
        ["volume", "create", jobsVolume],
        ["volume", "rm", jobsVolume],
      ],
      [
        ["network", "create", network],
        ["network", "rm", network],
      ],
      [
        ["container", "create", "--name", container, image, "true"],
        ["container", "rm", container],
      ],
      [
        ["tag", image, names.image],
        ["rmi", names.image],
      ],
      [
        ["tag", image, names.candidateImage],
        ["rmi", names.candidateImage],
      ],
    ];
    for (const [create, remove] of foreign) {
      execFileSync("docker", create);
      try {
        await expect(rig.up()).rejects.toMatchObject({ code: "CONTAINER_NAME_TAKEN" });
        expect(await rig.resources()).toEqual(NOTHING);
      } finally {
        execFileSync("docker", remove); // Fails where it is gone.
      }
    }
    await rig.engine.removeImage(image);
  });

  test("on a base that is nowhere says where to name another one", async () => {
    await using rig = await upRig();
    const edit = async (directory: string) => {
      const text = await readFile(`${directory}/Dockerfile`, "utf8");
      await writeFile(
        `${directory}/Dockerfile`,
        text.replace(/^ARG BASE_IMAGE=.*/m, "ARG BASE_IMAGE=127.0.0.1:1/none:1"),
      );
    };
    await expect(rig.up({ edit })).rejects.toMatchObject({
      code: "IMAGE_PULL_FAILED",
      message: expect.stringContaining("127.0.0.1:1/none:1"),
      hint: expect.stringContaining(`${rig.directory}/Dockerfile`),
    });
    expect(await rig.resources()).toEqual(NOTHING);
  });

  test("names the deployment that has its port", async () => {
    await using one = await upRig();
    await using other = await upRig();
    await one.up();
    await expect(other.up({ apiPort: one.port })).rejects.toMatchObject({
      code: "PORT_IN_USE",
      message: expect.stringContaining(one.name),
    });
    expect(await other.resources()).toEqual(NOTHING);
  });
});

describe("what a killed up left", { timeout: BUILD_MS }, () => {
  test("is cleared away by the next one", async () => {
    await using rig = await upRig();
    await rig.up();
    for (const role of ["candidate", "next"]) leave(rig, role);
    execFileSync("docker", ["volume", "create", ...labels(rig), `${rig.name}-candidate-1234`]);
    const id = await rig.up({ server: stubServer({ say: "again" }) });
    expect((await rig.get("/")).text).toBe("again");
    const { containers, volumes } = await rig.resources();
    expect(containers).toEqual([`${rig.name} ${id}`]);
    expect(volumes).toEqual([dockerNames(rig.name).jobsVolume]);
  });

  test("is made the service when it serves and only its name was missing", async () => {
    await using rig = await upRig();
    const id = await rig.up();
    await rig.engine.renameContainer(id, `${rig.name}-next-1234`);
    const interruption = new AbortController();
    await expect(
      rig.up({ signal: interruption.signal, onProgress: () => interruption.abort(new Error("enough")) }),
    ).rejects.toThrow("enough");
    expect((await rig.resources())["containers"]).toEqual([`${rig.name} ${id}`]);
    expect((await rig.get("/")).text).toBe("hello");
  });

  test("does not keep the version that it had stopped from serving again", async () => {
    await using rig = await upRig();
    const id = await rig.up();
    leave(rig, "next");
    execFileSync("docker", ["stop", rig.name]);
    const interruption = new AbortController();
    const onProgress = () => interruption.abort(new Error("enough"));
    await expect(rig.up({ signal: interruption.signal, onProgress })).rejects.toThrow("enough");
    await expect.poll(() => rig.get("/").then(({ text }) => text, String), { timeout: 60_000 }).toBe("hello");
    expect((await rig.resources())["containers"]).toEqual([`${rig.name} ${id}`]);
  });

  function leave(rig: UpRig, role: string): void {
    const label = ["--label", `ai.stigmer.deployment.role=${role}`];
    const name = `${rig.name}-${role}-1234`;
    execFileSync("docker", [
      "container",
      "create",
      ...labels(rig),
      ...label,
      "--name",
      name,
      dockerNames(rig.name).image,
    ]);
  }

  function labels(rig: UpRig): string[] {
    return Object.entries(ownLabels(rig.name)).flatMap(([key, value]) => ["--label", `${key}=${value}`]);
  }
});

const NOTHING = { containers: [], images: [], networks: [], volumes: [] };

interface Inspection {
  Config: { User: string };
  HostConfig: object;
}

function inspect(id: string): Inspection {
  return JSON.parse(execFileSync("docker", ["inspect", id]).toString())[0];
}

async function logOf(rig: UpRig, id: string): Promise<string> {
  const signal = AbortSignal.timeout(30_000);
  const lines: string[] = [];
  for await (const { line } of rig.engine.logs(id, { follow: false, tail: "all", since: null, until: null, signal })) {
    lines.push(line.toString());
  }
  return lines.join("\n");
}
