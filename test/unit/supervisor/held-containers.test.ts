import { describe, expect, test } from "vitest";
import type { ContainerSummary, DockerEngine, EngineEvent } from "../../../src/docker/engine.ts";
import type { Log } from "../../../src/supervisor/deps.ts";
import type { DockerLink, DockerLinkListener } from "../../../src/supervisor/docker-link.ts";
import { HeldContainers } from "../../../src/supervisor/held-containers.ts";

const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {} };

/** An engine that answers a count when it is told to, and a link that says what the test says. */
class Scene {
  readonly held: HeldContainers;
  readonly counts: (number | null)[] = [];
  readonly asked: string[][] = [];
  readonly #answers: ((count: number) => void)[] = [];
  #listener: DockerLinkListener | null = null;

  constructor() {
    this.held = new HeldContainers({
      runnerId: "runner-1",
      log: SILENT,
      onChange: () => this.counts.push(this.held.count),
    });
    const link: Pick<DockerLink, "follow"> = {
      follow: (listener) => {
        this.#listener = listener;
      },
    };
    this.held.follow(link);
  }

  connect(): void {
    const engine: Pick<DockerEngine, "listContainers"> = {
      listContainers: (labels) => {
        this.asked.push(labels);
        return new Promise<ContainerSummary[]>((resolve) => {
          this.#answers.push((count) => resolve(Array.from({ length: count }, summary)));
        });
      },
    };
    this.#listener?.onConnected(engine as DockerEngine);
  }

  lose(): void {
    this.#listener?.onLost("it went");
  }

  tell(action: string): void {
    const event: EngineEvent = { kind: "container", action, containerId: "c", timeMs: 0, attributes: {} };
    this.#listener?.onEvent(event);
  }

  async answer(count: number): Promise<void> {
    this.#answers.shift()?.(count);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function summary(): ContainerSummary {
  return { id: "c", name: "c", image: "i", imageId: "sha256:i", labels: {}, running: true };
}

describe("the containers that docker-runner holds", () => {
  test("are counted by its label when Docker is reached", async () => {
    const scene = new Scene();
    expect(scene.held.count).toBeNull();
    scene.connect();
    await scene.answer(2);
    expect(scene.held.count).toBe(2);
    expect(scene.asked).toEqual([["ai.stigmer.managed=true", "ai.stigmer.runner=runner-1"]]);
  });

  test("are counted again when one comes or goes, and for nothing else", async () => {
    const scene = new Scene();
    scene.connect();
    await scene.answer(0);
    scene.tell("start");
    scene.tell("exec_create: sh");
    expect(scene.asked).toHaveLength(1);
    scene.tell("create");
    await scene.answer(1);
    scene.tell("destroy");
    await scene.answer(0);
    expect(scene.counts).toEqual([0, 1, 0]);
  });

  test("are counted once more for all that happened while they were counted", async () => {
    const scene = new Scene();
    scene.connect();
    for (let time = 0; time < 20; time += 1) scene.tell("create");
    await scene.answer(3);
    await scene.answer(20);
    expect(scene.asked).toHaveLength(2);
    expect(scene.held.count).toBe(20);
  });

  test("are unknown while Docker is gone, even to an answer that was under way", async () => {
    const scene = new Scene();
    scene.connect();
    await scene.answer(1);
    scene.tell("create");
    scene.lose();
    await scene.answer(2);
    expect(scene.counts).toEqual([1, null]);
    scene.connect();
    await scene.answer(2);
    expect(scene.held.count).toBe(2);
  });
});
