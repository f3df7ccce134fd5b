import { expect, test } from "vitest";
import { execDeadlineMs } from "../../../src/docker-runner/client/exec-deadline.ts";

test.each([
  ["no limit of its own waits without limit", {}, null],
  ["limits of 0 are none", { timeoutMs: 0, idleTimeoutMs: 0 }, null],
  ["a short limit waits as long as any call", { timeoutMs: 1_000 }, 30_000],
  ["a long limit waits 5 s longer", { timeoutMs: 3_600_000 }, 3_605_000],
  ["of two limits the longer one counts", { timeoutMs: 60_000, idleTimeoutMs: 90_000 }, 95_000],
  ["output renews an idle limit, which alone is none of the whole", { idleTimeoutMs: 60_000 }, null],
])("an exec with %s", (_what, options, deadlineMs) => expect(execDeadlineMs(options, 30_000)).toBe(deadlineMs));
