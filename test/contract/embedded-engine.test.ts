import { describe } from "vitest";
import { applyAgent, createEngineRig } from "../support/engine-rig.ts";
import { type ScriptedWorker, startScriptedWorker } from "../support/scripted-worker.ts";
import { describeEngineContract } from "./engine-contract.ts";

describe("the embedded engine", () => {
  describeEngineContract(async () => {
    const rig = await createEngineRig();
    const workers: ScriptedWorker[] = [];
    return {
      engine: rig.engine,
      apply: (name, spec) => applyAgent(rig, name, spec),
      work: (behave, options) => {
        const worker = startScriptedWorker(rig.runner, behave, options);
        workers.push(worker);
        return worker;
      },
      async [Symbol.asyncDispose]() {
        for (const worker of workers) await worker[Symbol.asyncDispose]();
        await rig[Symbol.asyncDispose]();
      },
    };
  });
});
