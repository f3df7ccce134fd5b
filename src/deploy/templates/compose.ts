import { DEFAULT_BASE } from "../../image/base.ts";
import { CONTAINER_PORT, DATA_DIRECTORY, type Deployment, HOST_FROM_INSIDE } from "../deployment.ts";
import { dockerNames } from "../deployment-name.ts";
import { imageLabels, ownLabels, PORT_LABEL } from "../labels.ts";
import { LIMITS } from "../limits.ts";
import { serverVariables } from "../server-variables.ts";
import { yamlText } from "./yaml-text.ts";

/**
 * The service has the deployment in its name: compose takes the directory's name, `deploy` unless somebody chose another, for
 * its project, and two deployments with a service of one name would replace each other. For compose 1.29 and the plugin: no `version`, no `name`, no `deploy`, no `env_file`, which one of them refuses or misses.
 */
export function compose(deployment: Deployment): string {
  const { apiPort, name } = deployment;
  const names = dockerNames(name);
  const document = {
    services: {
      [`api-${name}`]: {
        build: { context: ".", args: { BASE_IMAGE: `\${BASE_IMAGE:-${DEFAULT_BASE}}` } },
        image: names.image,
        container_name: names.container,
        labels: { ...imageLabels(deployment), [PORT_LABEL]: String(apiPort) },
        ports: [`127.0.0.1:${apiPort}:${CONTAINER_PORT}`],
        environment: environmentOf(deployment),
        volumes: [`jobs:${DATA_DIRECTORY}`],
        extra_hosts: [`${HOST_FROM_INSIDE}:host-gateway`],
        init: true,
        restart: "unless-stopped",
        stop_grace_period: `${LIMITS.stopGraceSeconds}s`,
        mem_limit: LIMITS.memory,
        cpus: LIMITS.cpus,
        pids_limit: LIMITS.pids,
        cap_drop: ["ALL"],
        security_opt: ["no-new-privileges:true"],
        logging: {
          driver: "json-file",
          options: { "max-size": LIMITS.logMaxSize, "max-file": String(LIMITS.logMaxFiles) },
        },
      },
    },
    networks: { default: { name: names.network, labels: ownLabels(name) } },
    volumes: { jobs: { name: names.jobsVolume, labels: ownLabels(name) } },
  };
  return yamlText(document, "The keys come from .env or from the shell; an empty one counts as not set.");
}

/** Compose takes a lone `$` for a variable of its own; no value of ours has one. */
function environmentOf({ syncTimeoutSeconds, variables }: Deployment): Record<string, string> {
  const settings = serverVariables(syncTimeoutSeconds).map(({ name, fallback }) => [name, `\${${name}:-${fallback}}`]);
  const keys = variables.map(({ name }) => [name, `\${${name}:-}`]);
  return { ...Object.fromEntries([...keys, ...settings]), STIGMER_LOOPBACK_HOST: HOST_FROM_INSIDE };
}
