import { nearestName } from "@stigmer/agent-runner/nearest";
import type { ContainerSummary, DockerEngine } from "../../docker/engine.ts";
import { LABEL } from "../../docker/labels.ts";
import { AppError } from "../../errors.ts";
import { toDisplayText } from "../../platform/display-text.ts";
import { quoteForShell } from "../../platform/shell-quote.ts";
import { DEPLOYMENT_LABEL, DIRECTORY_LABEL, PORT_LABEL } from "../labels.ts";
import { ask } from "./await-healthy.ts";
import { ownFilter, serviceOf } from "./resources.ts";

/** `data` of `deploy up` and `deploy status`. */
export interface DeploymentStatus {
  name: string;
  url: string;
  containerId: string;
  /** Where its files were generated; empty when its container does not say. */
  directory: string;
  /** `running` when it can take work, `unhealthy` when it runs and cannot; else what Docker calls it. */
  state: string;
}

/** @throws AppError NOT_FOUND naming the nearest; DOCKER_*. */
export async function deploymentStatus(
  engine: Pick<DockerEngine, "listContainers" | "inspectContainer">,
  name: string,
): Promise<DeploymentStatus> {
  const containers = await engine.listContainers(ownFilter(name));
  const service = serviceOf(containers, name) ?? containers[0];
  const info = service === undefined ? null : await engine.inspectContainer(service.id);
  if (service === undefined || info === null) throw await notFound(engine, name);
  const url = urlOf(service);
  const { status } = info.state;
  const state = status !== "running" ? status : (await isReady(url)) ? "running" : "unhealthy";
  return { name, url, containerId: service.id, directory: directoryOf(service), state };
}

export async function notFound(engine: Pick<DockerEngine, "listContainers">, name: string): Promise<AppError> {
  const all = await engine.listContainers([`${LABEL.managed}=true`, DEPLOYMENT_LABEL]);
  const names = [...new Set(all.map(({ labels }) => labels[DEPLOYMENT_LABEL] ?? ""))];
  const nearest = nearestName(name, names);
  const suggestion = nearest === null ? "" : ` (did you mean ${nearest}?)`;
  return new AppError("NOT_FOUND", `There is no deployment "${toDisplayText(name)}"${suggestion}`, {
    hint: names.length === 0 ? "No deployment runs: stigmer deploy up FILE" : `There is ${names.sort().join(", ")}`,
    actions:
      nearest === null
        ? []
        : [{ label: "Look at that one", command: `stigmer deploy status ${quoteForShell(nearest)}` }],
  });
}

function urlOf({ labels }: ContainerSummary): string {
  return `http://127.0.0.1:${labels[PORT_LABEL] ?? ""}`;
}

/** Compose says itself where it was started. */
function directoryOf({ labels }: ContainerSummary): string {
  return labels[DIRECTORY_LABEL] ?? labels["com.docker.compose.project.working_dir"] ?? "";
}

async function isReady(url: string): Promise<boolean> {
  return (await ask(`${url}/health/ready`)).statusCode === 200;
}
