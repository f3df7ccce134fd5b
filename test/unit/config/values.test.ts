import { describe, expect, test } from "vitest";
import { parseDuration } from "../../../src/config/duration.ts";
import { parseSize } from "../../../src/config/size.ts";

describe("a duration", () => {
  test.each([
    ["500ms", 500],
    ["30s", 30_000],
    ["10m", 600_000],
    ["1h30m", 5_400_000],
    ["1.5h", 5_400_000],
    ["2d", 172_800_000],
  ])("%s is %i ms", (text, ms) => expect(parseDuration(text)).toBe(ms));

  test.each(["", "30", "s", "1h 30m", "-5s", "1e3s", "10 minutes", `${"9".repeat(400)}h`])("%s is none", (text) =>
    expect(parseDuration(text)).toBeNull(),
  );
});

describe("a size", () => {
  test.each([
    ["1g", 1024 ** 3],
    ["512m", 512 * 1024 ** 2],
    ["10MiB", 10 * 1024 ** 2],
    ["10MB", 10 * 1024 ** 2],
    ["64k", 65_536],
    ["1.5G", 1.5 * 1024 ** 3],
    ["4096", 4096],
  ])("%s is %i bytes", (text, bytes) => expect(parseSize(text)).toBe(bytes));

  test.each(["", "g", "1x", "-1g", "1gg", "1e9"])("%s is none", (text) => expect(parseSize(text)).toBeNull());
});
