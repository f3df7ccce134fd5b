/** A caller hears of a daemon that hangs within 15 s (docker-runner.md §3), also in calls that may take their time. */
export const ENGINE_ANSWER_MS = 14_000;
