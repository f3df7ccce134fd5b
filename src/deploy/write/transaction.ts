import { copyFile, link, rename, rm, rmdir } from "node:fs/promises";
import { systemErrorCode } from "../../errors.ts";
import { makeDirectory } from "../../platform/directories.ts";
import { writeSynced } from "../../platform/files.ts";
import { removeLeftovers, temporaryName } from "../../platform/temporary-file.ts";

const FILE_MODE = 0o644;

/** Changes to several files of a directory that can all be taken back. Throws plain system errors. */
export class Transaction {
  /** Temporary files: new content not yet in its place, old content not yet given up. */
  readonly #temporaries: string[] = [];
  readonly #folders: string[] = [];
  readonly #undo: (() => Promise<void>)[] = [];

  /** Makes sure of a folder, and clears away what killed writers left in it. */
  async prepareFolder(folder: string): Promise<void> {
    const made = await makeDirectory(folder);
    if (made !== null) this.#folders.push(made);
    await removeLeftovers(folder);
  }

  /** Puts content on the disk beside the file that it is to become. */
  async stage(path: string, content: Uint8Array): Promise<string> {
    const temporary = this.#temporaryOf(path);
    await writeSynced(temporary, content, FILE_MODE);
    return temporary;
  }

  async replace(path: string, staged: string): Promise<void> {
    await this.#backUp(path);
    await rename(staged, path);
  }

  async remove(path: string): Promise<void> {
    await this.#backUp(path);
    await rm(path);
  }

  async commit(): Promise<void> {
    await this.#removeTemporaries();
  }

  /** Goes on whatever fails: the error that led here is the one to tell. */
  async rollBack(): Promise<void> {
    for (const step of this.#undo.reverse()) await step().catch(() => {});
    await this.#removeTemporaries();
    // Should somebody have put a file in, the folder stays.
    for (const folder of this.#folders) await rmdir(folder).catch(() => {});
  }

  /** Another name for what is there, so that going back needs no space. Of a file that is new, going back is its removal. */
  async #backUp(path: string): Promise<void> {
    const backup = this.#temporaryOf(path);
    try {
      await link(path, backup).catch(() => copyFile(path, backup)); // Not every file system has links.
      this.#undo.push(() => rename(backup, path));
    } catch (error) {
      if (systemErrorCode(error) !== "ENOENT") throw error;
      this.#undo.push(() => rm(path, { force: true }));
    }
  }

  #temporaryOf(path: string): string {
    const temporary = temporaryName(path);
    this.#temporaries.push(temporary);
    return temporary;
  }

  /** One that stays is cleared away by the next run. */
  async #removeTemporaries(): Promise<void> {
    for (const path of this.#temporaries) await rm(path, { force: true }).catch(() => {});
  }
}
