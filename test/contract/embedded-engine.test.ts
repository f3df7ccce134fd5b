import { describe } from "vitest";
import { applyAgent, applyWorkflow, createEngineRig } from "../support/engine-rig.ts";
import { type ScriptedWorker, startScriptedInterpreter, startScriptedWorker } from "../support/scripted-worker.ts";
import { describeEngineContract } from "./engine-contract.ts";
import { describeWorkflowContract } from "./workflow-contract.ts";

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

  describeWorkflowContract(async () => {
    const rig = await createEngineRig();
    const workers: ScriptedWorker[] = [];
    return {
      engine: rig.engine,
      secrets: rig.secrets,
      applyAgent: (name, spec) => applyAgent(rig, name, spec),
      applyWorkflow: (name, changes) => applyWorkflow(rig, name, changes),
      work: (decide, runNode, options) => {
        const agents = startScriptedWorker(rig.runner, unexpected, { ...options, runNode });
        const turns = startScriptedInterpreter(rig.runner, decide);
        workers.push(agents, turns);
        return { nodes: agents.taken, turns: turns.taken };
      },
      async [Symbol.asyncDispose]() {
        for (const worker of workers) await worker[Symbol.asyncDispose]();
        await rig[Symbol.asyncDispose]();
      },
    };
  });
});

async function unexpected(): Promise<never> {
  throw new Error("there is no agent to run");
}
