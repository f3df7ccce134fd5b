import { archivePath } from "@stigmer/agent-runner/log-format";
import type { LogFile, LogFiles } from "./log-files.ts";

/** A place in a log that stays right while files are rotated. */
export interface Position {
  generation: number;
  offset: number;
}

export interface GenerationSize {
  generation: number;
  size: number;
}

export interface ReadResult {
  count: number;
  /** The generation is complete: after its end only the next one goes on. */
  complete: boolean;
}

/**
 * Reads a process log by generation and offset, whether the generation is live or archived by now. Its one hazard is a
 * rotation between finding the file and reading it; every read from the live file is therefore checked afterwards.
 */
export class GenerationReader {
  readonly #file: string;
  readonly #files: LogFiles;
  #archive: { generation: number; file: LogFile } | null = null;
  #live: LogFile | null = null;
  /** Archives up to this number were seen complete, with the live file emptied. */
  #settled = 0;

  constructor(file: string, files: LogFiles) {
    this.#file = file;
    this.#files = files;
  }

  /** The generations that are there, oldest first; the last is the live one. `mtimeMs` is the live file's. */
  async snapshot(): Promise<{ generations: GenerationSize[]; mtimeMs: number }> {
    for (;;) {
      const live = this.#liveGeneration();
      const generations: GenerationSize[] = [];
      for (const generation of this.#files.listArchives(this.#file)) {
        if (generation >= live) break;
        const found = await this.#files.stat(archivePath(this.#file, generation));
        if (found !== null) generations.push({ generation, size: found.size });
      }
      const found = await this.#files.stat(this.#file);
      if (this.#liveGeneration() !== live) continue; // Rotated while we looked: the size may be of either.
      return {
        generations: [...generations, { generation: live, size: found?.size ?? 0 }],
        mtimeMs: found?.mtimeMs ?? 0,
      };
    }
  }

  /** Null when the bytes are gone: the generation was deleted, or the live file is not what it was. */
  async read(from: Position, buffer: Buffer, range: { at: number; length: number }): Promise<ReadResult | null> {
    const wanted = { ...range, position: from.offset };
    for (;;) {
      if (from.generation < this.#liveGeneration()) {
        const archive = await this.#openArchive(from.generation);
        return archive === null ? null : { count: await archive.read(buffer, wanted), complete: true };
      }
      const live = await this.#openLive();
      const count = live === null ? 0 : await live.read(buffer, wanted);
      const replaced = count === 0 && (await this.#wasReplaced(from.offset));
      // A rotation in between emptied the file, and these bytes may be of the next generation: ask the archive.
      if (from.generation < this.#liveGeneration()) continue;
      return replaced ? null : { count, complete: false };
    }
  }

  /** Where a reader goes on whose bytes are gone. */
  oldestAfter(generation: number): Position {
    const live = this.#liveGeneration();
    const archive = this.#files.listArchives(this.#file).find((number) => number > generation && number < live);
    return { generation: archive ?? live, offset: 0 };
  }

  async close(): Promise<void> {
    await this.#archive?.file.close();
    await this.#live?.close();
    this.#archive = null;
    this.#live = null;
  }

  /** An open archive stays readable when the writer deletes it: a reader loses nothing it has begun. */
  async #openArchive(generation: number): Promise<LogFile | null> {
    if (this.#archive?.generation === generation) return this.#archive.file;
    const file = await this.#files.open(archivePath(this.#file, generation));
    if (file === null) return null;
    await this.#archive?.file.close();
    this.#archive = { generation, file };
    return file;
  }

  async #openLive(): Promise<LogFile | null> {
    this.#live ??= await this.#files.open(this.#file);
    return this.#live;
  }

  /** At the end of the live file: was it emptied, or another file put in its place, without an archive? */
  async #wasReplaced(offset: number): Promise<boolean> {
    const named = await this.#files.stat(this.#file);
    if (named === null || this.#live === null) return false;
    if (named.inode === this.#live.inode) return named.size < offset;
    await this.#live.close();
    this.#live = null;
    return true;
  }

  #liveGeneration(): number {
    const newest = this.#files.listArchives(this.#file).at(-1) ?? 0;
    if (newest > this.#settled) {
      if (this.#files.isUnfinishedRotation(this.#file, newest)) return newest;
      this.#settled = newest;
    }
    return newest + 1;
  }
}
