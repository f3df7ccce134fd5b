import { changedByHostileTexts } from "../../support/hostile-deployment.ts";
import type { Row } from "../row.ts";

/** So many workflows make one trial, which is repeated by its seed. */
const BATCH = 50;

export const hostileWorkflows: Row = {
  name: "hostile-workflows",
  fault: "workflows to deploy whose names, descriptions, defaults and prompts end, begin or run something",
  holds: "no generated file has another structure than that of the same workflow with harmless words",
  runs: { small: 50, full: 1_000 },
  async run(bench) {
    for (let done = 0; done < bench.runs; done += BATCH) {
      await bench.trial(
        "hostile workflows",
        async (trial) => {
          for (let index = 0; index < BATCH; index += 1) {
            const seed = trial.seed * BATCH + index;
            trial.blame(changedByHostileTexts(seed).map((path) => `seed ${seed} changes ${path}`));
          }
        },
        BATCH,
      );
    }
  },
};
