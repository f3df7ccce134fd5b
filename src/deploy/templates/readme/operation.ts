import { DATA_DIRECTORY, type Deployment } from "../../deployment.ts";
import { dockerNames, kubernetesName } from "../../deployment-name.ts";
import { markdownBlock } from "../markdown-text.ts";

/** What somebody needs who has to keep it running. */
export function operation({ apiPort, kubernetes, name, variables }: Deployment): string[] {
  const { container, image, jobsVolume } = dockerNames(name);
  const url = `http://127.0.0.1:${apiPort}`;
  return [
    "## Logs, stop and remove",
    markdownBlock("sh", `docker logs --tail 50 ${container}\ndocker compose stop\ndocker compose down`),
    `The jobs stay in the volume \`${jobsVolume}\`; \`docker compose down --volumes\` removes them as well. What \`stigmer deploy up\` started is looked at and removed by stigmer:`,
    markdownBlock("sh", `stigmer deploy status ${name}\nstigmer deploy down ${name}`),
    "## Troubleshooting",
    [
      "| what you see | what to do |",
      "| --- | --- |",
      `| port ${apiPort} is taken | make the files again with \`--api-port PORT\` |`,
      "| `/health/ready` answers 503 | its body names what is missing: a key, the model service, the disk |",
      "| the model service of this machine is not reached | from the container it is `host.docker.internal`: it has to listen there, not on 127.0.0.1 alone (`OLLAMA_HOST=0.0.0.0 ollama serve`); another address: `LLM_BASE_URL` |",
      "| 422 | `details` has one entry for each wrong field; `/schema` says what is expected |",
      "| 429 | `MAX_RUNNING` jobs run and `MAX_WAITING` wait: try again after the seconds in `Retry-After` |",
      "| a job `failed` | the container's log has the details under the job's id |",
      `| the base image cannot be pulled | \`BASE_IMAGE=IMAGE docker compose build\`, with an image that has Node 22.13 or newer; \`stigmer deploy up\` finds one by itself |`,
    ].join("\n"),
    "## Production",
    [
      "- **TLS**: the port is bound to 127.0.0.1. Put a reverse proxy with TLS in front, and let it pass server-sent events unbuffered.",
      "- **Token**: set `API_TOKEN`; every request except on `/health` then needs it:",
    ].join("\n"),
    markdownBlock("sh", `curl -sS ${url}/jobs -H "Authorization: Bearer $API_TOKEN"`),
    [
      "- **Limits**: memory, processors and processes are limited in `docker-compose.yml`; jobs by `MAX_RUNNING` and `MAX_WAITING`.",
      `- **Backup**: the jobs are a SQLite database in the volume \`${jobsVolume}\`. Stop, copy, start:`,
    ].join("\n"),
    markdownBlock(
      "sh",
      `docker stop ${container}\ndocker run --rm -v ${jobsVolume}:${DATA_DIRECTORY}:ro --entrypoint tar ${image} -C ${DATA_DIRECTORY} -cf - . > jobs.tar\ndocker start ${container}`,
    ),
    ...(kubernetes ? withKubernetes(name, variables.length > 0) : []),
    [
      "- **Platforms that set `PORT`**: the server listens there. The image runs as uid 10001, needs no rights, and writes to `/data` and `/tmp` only.",
      "- **Stopping**: on SIGTERM it takes no new work, ends what it can, and leaves the rest to the next start.",
    ].join("\n"),
  ];
}

/** The keys replace those of the template, which are empty. */
function withKubernetes(name: string, hasKeys: boolean): string[] {
  if (!hasKeys) {
    return [
      "- **Kubernetes**: push the image, put its name into `kubernetes/deployment.yaml`, and apply:",
      markdownBlock("sh", "kubectl apply -f kubernetes/"),
    ];
  }
  const secret = `kubectl create secret generic ${kubernetesName(name)} --from-env-file=.env --dry-run=client -o yaml`;
  return [
    "- **Kubernetes**: push the image, put its name into `kubernetes/deployment.yaml`, and apply; the keys come from `.env`:",
    markdownBlock("sh", `kubectl apply -f kubernetes/\n${secret} | kubectl apply -f -`),
  ];
}
