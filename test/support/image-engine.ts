import type { BuildOptions, DockerEngine, ImageInfo, ImageProgress } from "../../src/docker/engine.ts";
import { DockerRequestError } from "../../src/docker/engine.ts";

export type ImageCalls = Pick<
  DockerEngine,
  "info" | "inspectImage" | "importImage" | "pullImage" | "pushImage" | "buildImage" | "tagImage" | "removeImage"
>;

/** An engine that knows images only: names that point at IDs, and a script for what builds, pulls and pushes say. */
export class ImageEngine implements ImageCalls {
  /** Every call that asks or changes something, in order: `pull registry/x:v1`. */
  readonly calls: string[] = [];
  readonly builds: BuildOptions[] = [];
  architecture = process.arch === "x64" ? "amd64" : process.arch;
  /** What the next build, pull or push reports; an `Error` is thrown instead. */
  progress: (Partial<ImageProgress> | Error)[] = [];
  /** IDs that a container uses. */
  readonly inUse = new Set<string>();
  readonly #images = new Map<string, ImageInfo>();
  readonly #names = new Map<string, string>();

  add(reference: string, changes: Partial<ImageInfo> = {}): ImageInfo {
    const image: ImageInfo = {
      id: `sha256:${reference}`,
      tags: [],
      sizeBytes: 150_000_000,
      architecture: this.architecture,
      os: "linux",
      labels: {},
      createdAt: "2026-01-01T00:00:00Z",
      user: "10001:10001",
      hasHealthcheck: true,
      ...changes,
    };
    this.#images.set(image.id, image);
    this.#names.set(reference, image.id);
    return image;
  }

  names(): string[] {
    return [...this.#names.keys()].sort();
  }

  has(id: string): boolean {
    return this.#images.has(id);
  }

  async info() {
    this.calls.push("info");
    return {
      serverVersion: "20.10.24",
      apiVersion: "1.41",
      os: "linux",
      architecture: this.architecture,
      rootless: false,
      usernsRemap: false,
      cpus: 2,
      memoryBytes: 8e9,
      operatingSystem: "Debian",
    };
  }

  async inspectImage(reference: string): Promise<ImageInfo | null> {
    this.calls.push(`inspect ${reference}`);
    const id = this.#names.get(reference) ?? reference;
    const image = this.#images.get(id);
    if (image === undefined) return null;
    return { ...image, tags: this.names().filter((name) => this.#names.get(name) === id) };
  }

  async importImage(): Promise<string> {
    throw new Error("no test imports an image into the fake");
  }

  async *buildImage(options: BuildOptions): AsyncIterable<ImageProgress> {
    this.calls.push(`build ${options.tags.join(" ")}`);
    this.builds.push(options);
    yield* this.#report(options.signal);
    const id = `sha256:built-${this.builds.length}`;
    for (const tag of options.tags) this.add(tag, { id, labels: options.labels });
  }

  async *pullImage(reference: string, signal: AbortSignal): AsyncIterable<ImageProgress> {
    this.calls.push(`pull ${reference}`);
    yield* this.#report(signal);
    this.add(reference, { id: `sha256:pulled-${reference}` });
  }

  async *pushImage(reference: string, signal: AbortSignal): AsyncIterable<ImageProgress> {
    this.calls.push(`push ${reference} ${this.#names.get(reference)}`);
    yield* this.#report(signal);
  }

  async tagImage(source: string, target: string): Promise<void> {
    this.calls.push(`tag ${source} ${target}`);
    const id = this.#names.get(source);
    if (id === undefined) throw new DockerRequestError(404, `No such image: ${source}`);
    this.#names.set(target, id);
  }

  async removeImage(reference: string): Promise<void> {
    this.calls.push(`remove ${reference}`);
    if (this.inUse.has(reference)) throw new DockerRequestError(409, "image is being used by stopped container");
    this.#names.delete(reference);
    this.#images.delete(reference);
  }

  async *#report(signal: AbortSignal): AsyncIterable<ImageProgress> {
    for (const item of this.progress) {
      signal.throwIfAborted();
      if (item instanceof Error) throw item;
      yield { text: "", error: null, imageId: null, ...item };
    }
  }
}
