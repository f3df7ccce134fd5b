import type { ComponentInstance } from "../components/instance.ts";
import type { RunnerHello, RunnerRegistry } from "../engine/engine.ts";

/** Whether the instance does its work now: a runner polls its queue, a service answers on its port. */
export function isWorking({ runnerId, service }: ComponentInstance, registry: RunnerRegistry): boolean {
  if (service !== null) return service.answers;
  return runnerId !== null && registry.isPolling(runnerId);
}

/** Tells when it begins and when it ceases; a runner's first poll brings its greeting. Returns an unsubscribe. */
export function onWorking(
  { runnerId, service }: ComponentInstance,
  registry: RunnerRegistry,
  listener: (works: boolean, hello: RunnerHello | null) => void,
): () => void {
  if (service !== null) return service.onChange((answers) => listener(answers, null));
  return registry.onPolling((id, polling, hello) => {
    if (id === runnerId) listener(polling, polling ? hello : null);
  });
}

/** The end of the sentence "it did not …". */
export function workInWords({ service }: ComponentInstance): string {
  return service === null ? "begin to poll its queue" : `answer at ${service.url}`;
}

export function cessationInWords({ service }: ComponentInstance): string {
  return service === null ? "it stopped polling its queue" : `it does not answer at ${service.url} any more`;
}
