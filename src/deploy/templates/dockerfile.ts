import { DEFAULT_BASE } from "../../image/base.ts";
import { CONTAINER_PORT, CONTAINER_USER, DATA_DIRECTORY, type Deployment } from "../deployment.ts";
import { imageLabels } from "../labels.ts";
import { imageContents } from "./image-contents.ts";

/** Asks the server itself, with what every Node has. */
const PROBE = `fetch("http://127.0.0.1:" + (process.env.PORT || ${CONTAINER_PORT}) + "/health").then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))`;

/**
 * Built by the classic builder and by BuildKit, without a network. Nothing that a user wrote stands in it but the name,
 * whose characters mean nothing to Docker.
 */
export function dockerfile(deployment: Deployment): string {
  const labels = Object.entries(imageLabels(deployment))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .join(" \\\n      ");
  return `# The image of a workflow behind HTTP. Build it without stigmer: docker build -t IMAGE .
ARG BASE_IMAGE=${DEFAULT_BASE}

# Readable whatever the modes were on disk, and the data directory with its owner: no builder needs COPY --chmod.
FROM \${BASE_IMAGE} AS files
LABEL ${labels}
USER root
WORKDIR /files
COPY ${imageContents(deployment).join(" ")} app/
RUN mkdir -p owned${DATA_DIRECTORY} && chmod -R a+rX,go-w app

FROM \${BASE_IMAGE}
LABEL ${labels}
ENV NODE_ENV=production \\
    HOME=/tmp \\
    HOST=0.0.0.0 \\
    PORT=${CONTAINER_PORT} \\
    DATA_DIR=${DATA_DIRECTORY} \\
    SYNC_TIMEOUT=${deployment.syncTimeoutSeconds}
WORKDIR /app
USER ${CONTAINER_USER}
EXPOSE ${CONTAINER_PORT}
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \\
  CMD ${JSON.stringify(["node", "-e", PROBE])}
# No shell stays in between: SIGTERM reaches the server, which ends its work first.
CMD ["node", "server.js"]
# Last, since all above is the same for the next version.
COPY --from=files /files/app/ ./
COPY --from=files --chown=${CONTAINER_USER} /files/owned/ /
`;
}
