import { expect, test } from "vitest";
import { parseProcStat } from "../../../src/platform/proc-stat.ts";

const REST =
  "S 1 4711 4712 0 -1 4194560 1024 0 0 0 5 3 0 0 20 0 11 0 987654321 1000 200 18446744073709551615 1 1 0 0 0";

test("a line of /proc/PID/stat gives state, parent, group, session and start time", () => {
  expect(parseProcStat(`4711 (node) ${REST}\n`)).toEqual({
    pid: 4711,
    comm: "node",
    state: "S",
    ppid: 1,
    groupId: 4711,
    sessionId: 4712,
    startTime: 987654321,
  });
});

test.each(["a) (b", ") Z 1 1 1 (", "Web Content", "((()))", "", ")"])("a program named %j confuses nothing", (comm) => {
  expect(parseProcStat(`7 (${comm}) ${REST}`)).toMatchObject({ comm, state: "S", startTime: 987654321 });
});

test.each(["", "4711", "4711 (node", "4711 (node) S 1", "x (node) y"])("%j is no such line", (line) => {
  expect(parseProcStat(line)).toBeNull();
});
