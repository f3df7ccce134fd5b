import { readFile, writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { stripElf } from "../../../src/image/strip-elf.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const HEADER_BYTES = 64;
const SEGMENT_BYTES = 56;

test("what stands behind the last segment is cut off, and the header no longer points there", async () => {
  await using directory = await temporaryDirectory();
  const file = directory.file("program");
  const loaded = Buffer.from("loaded by the kernel");
  await writeFile(file, Buffer.concat([elf(loaded.length), loaded, Buffer.from("symbols and sections")]));

  expect(await stripElf(file)).toBe("symbols and sections".length);

  const stripped = await readFile(file);
  expect(stripped.subarray(-loaded.length).toString()).toBe("loaded by the kernel");
  expect(stripped.readBigUInt64LE(40)).toBe(0n);
  expect(stripped.readUInt32LE(60)).toBe(0);
  expect(await stripElf(file)).toBe(0);
});

test("a file that is no 64-bit ELF program stays as it is", async () => {
  await using directory = await temporaryDirectory();
  const file = directory.file("script");
  await writeFile(file, "#!/bin/sh\necho a script that is longer than the header of an ELF file would be\n");
  expect(await stripElf(file)).toBe(0);
  expect(await readFile(file, "utf8")).toMatch(/^#!\/bin\/sh\n.*would be\n$/s);
});

/** A header and one segment that begins behind them. */
function elf(segmentBytes: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES + SEGMENT_BYTES);
  header.write("\x7fELF\x02\x01\x01", "latin1");
  header.writeBigUInt64LE(BigInt(HEADER_BYTES), 32);
  header.writeBigUInt64LE(9999n, 40);
  header.writeUInt16LE(SEGMENT_BYTES, 54);
  header.writeUInt16LE(1, 56);
  header.writeUInt16LE(12, 60);
  header.writeUInt16LE(11, 62);
  header.writeBigUInt64LE(BigInt(header.length), HEADER_BYTES + 8);
  header.writeBigUInt64LE(BigInt(segmentBytes), HEADER_BYTES + 32);
  return header;
}
