import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";
import { ServiceHealth } from "../../../src/components/process/service-health.ts";
import type { ServedAddress } from "../../../src/stack/spec.ts";
import { freePort } from "../../support/free-port.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const ADDRESS: ServedAddress = { host: "127.0.0.1", port: 1, healthPath: "/v1/health" };

/** Answers as the test says, one question at a time. */
function questioned(): {
  health: ServiceHealth;
  clock: ManualClock;
  told: boolean[];
  answer(works: boolean): Promise<void>;
} {
  const clock = new ManualClock();
  const answers: ((works: boolean) => void)[] = [];
  const health = new ServiceHealth({
    address: ADDRESS,
    clock,
    ask: () => new Promise((resolve) => answers.push(resolve)),
  });
  const told: boolean[] = [];
  health.onChange((works) => told.push(works));
  return {
    health,
    clock,
    told,
    async answer(works) {
      const waiting = answers.shift();
      if (waiting === undefined) throw new Error("nobody asks");
      waiting(works);
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

describe("a service", () => {
  test("that says that it listens works from then on", () => {
    const { health, told } = questioned();
    health.begin("child");
    expect(health.answers).toBe(false);
    health.noteListening();
    health.noteListening();
    expect([health.answers, told]).toEqual([true, [true]]);
  });

  test("whose word got lost is asked", async () => {
    const { clock, told, health, answer } = questioned();
    health.begin("child");
    clock.advance(2_000);
    await answer(true);
    expect(told).toEqual([true]);
  });

  test("that an earlier server started is asked at once, and again until it answers", async () => {
    const { clock, told, health, answer } = questioned();
    health.begin("adopted");
    clock.advance(0);
    await answer(false);
    expect(told).toEqual([]);
    clock.advance(250);
    await answer(true);
    expect(told).toEqual([true]);
  });

  test("that misses one answer still works; that misses three in a row does not, until it answers again", async () => {
    const { clock, told, health, answer } = questioned();
    health.begin("adopted");
    clock.advance(0);
    await answer(true);
    clock.advance(10_000);
    await answer(false);
    clock.advance(250);
    await answer(true);
    expect(told).toEqual([true]);
    clock.advance(10_000);
    for (let time = 0; time < 3; time += 1) {
      await answer(false);
      clock.advance(250);
    }
    expect(told).toEqual([true, false]);
    await answer(true);
    expect(told).toEqual([true, false, true]);
  });

  test("that ended is not asked any more", async () => {
    const { clock, told, health, answer } = questioned();
    health.begin("adopted");
    clock.advance(0);
    health.end();
    await answer(true);
    expect([told, clock.pending]).toEqual([[], 0]);
  });
});

describe("the question", () => {
  test("is the service's own health path, and 200 alone says that it works", async () => {
    await using service = await Service.open();
    const health = new ServiceHealth({ address: service.address });
    const changed = new Promise<boolean>((resolve) => health.onChange(resolve));
    service.status = 503;
    health.begin("adopted");
    await service.askedTwice;
    expect(health.answers).toBe(false);
    service.status = 200;
    expect(await changed).toBe(true);
    health.end();
    expect(new Set(service.paths)).toEqual(new Set(["/v1/health"]));
  });

  test("that nobody takes is asked again", async () => {
    const port = await freePort();
    const health = new ServiceHealth({ address: { ...ADDRESS, port } });
    const changed = new Promise<boolean>((resolve) => health.onChange(resolve));
    health.begin("adopted");
    await using _service = await Service.open(port);
    expect(await changed).toBe(true);
    health.end();
  });
});

/** Answers every request with one status. */
class Service {
  status = 200;
  readonly paths: string[] = [];
  readonly askedTwice: Promise<void>;
  readonly #server: Server;

  static async open(port = 0): Promise<Service> {
    const service = new Service();
    service.#server.listen(port, "127.0.0.1");
    await once(service.#server, "listening");
    return service;
  }

  private constructor() {
    let twice: () => void = () => {};
    this.askedTwice = new Promise((resolve) => {
      twice = resolve;
    });
    this.#server = createServer(({ url = "" }, response) => {
      this.paths.push(url);
      response.writeHead(this.status).end();
      if (this.paths.length === 2) twice();
    });
  }

  get address(): ServedAddress {
    const { port } = this.#server.address() as AddressInfo;
    return { ...ADDRESS, port };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}
