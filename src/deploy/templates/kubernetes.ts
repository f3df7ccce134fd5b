import { CONTAINER_PORT, CONTAINER_USER, DATA_DIRECTORY, type Deployment } from "../deployment.ts";
import { dockerNames, kubernetesName } from "../deployment-name.ts";
import { LIMITS } from "../limits.ts";
import { serverVariables } from "../server-variables.ts";
import { yamlText } from "./yaml-text.ts";

/** The manifests by file name. */
export function kubernetes(deployment: Deployment): Record<string, string> {
  const name = kubernetesName(deployment.name);
  const metadata = { name, labels: { "app.kubernetes.io/name": name, "app.kubernetes.io/managed-by": "stigmer" } };
  const selector = { "app.kubernetes.io/name": name };
  return {
    "kubernetes/deployment.yaml": yamlText(
      {
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata,
        spec: {
          replicas: 1,
          strategy: { type: "Recreate" },
          selector: { matchLabels: selector },
          template: { metadata: { labels: metadata.labels }, spec: podSpec(deployment, name) },
        },
      },
      "Replace the image by the name under which you pushed it. The jobs are in a SQLite file:\none replica, and the old one ends before the new one begins.",
    ),
    "kubernetes/service.yaml": yamlText(
      {
        apiVersion: "v1",
        kind: "Service",
        metadata,
        spec: { type: "ClusterIP", selector, ports: [{ name: "http", port: 80, targetPort: "http" }] },
      },
      "Inside the cluster only: put an ingress with TLS in front.",
    ),
    "kubernetes/configmap.yaml": yamlText(
      { apiVersion: "v1", kind: "ConfigMap", metadata, data: settingsOf(deployment) },
      "What the server may be told; an empty value counts as not set.",
    ),
    "kubernetes/secret.yaml": yamlText(
      { apiVersion: "v1", kind: "Secret", metadata, type: "Opaque", stringData: secretsOf(deployment) },
      "A template: fill in a copy that is not committed. An empty value counts as not set.",
    ),
    "kubernetes/volume.yaml": yamlText(
      {
        apiVersion: "v1",
        kind: "PersistentVolumeClaim",
        metadata,
        spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
      },
      "The jobs.",
    ),
  };
}

function podSpec(deployment: Deployment, name: string): object {
  const [user] = CONTAINER_USER.split(":").map(Number);
  const probe = (path: string, timing: object) => ({ httpGet: { path, port: "http" }, timeoutSeconds: 5, ...timing });
  return {
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: LIMITS.stopGraceSeconds + 5,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: user,
      runAsGroup: user,
      fsGroup: user,
      seccompProfile: { type: "RuntimeDefault" },
    },
    containers: [
      {
        name: "api",
        image: dockerNames(deployment.name).image,
        imagePullPolicy: "IfNotPresent",
        ports: [{ name: "http", containerPort: CONTAINER_PORT }],
        envFrom: [{ configMapRef: { name } }, { secretRef: { name } }],
        volumeMounts: [{ name: "jobs", mountPath: DATA_DIRECTORY }],
        startupProbe: probe("/health/live", { periodSeconds: 2, failureThreshold: 30 }),
        livenessProbe: probe("/health/live", { periodSeconds: 30 }),
        readinessProbe: probe("/health/ready", { periodSeconds: 10 }),
        resources: {
          requests: { cpu: "100m", memory: "128Mi" },
          limits: { cpu: String(LIMITS.cpus), memory: `${LIMITS.memoryBytes / 1024 / 1024}Mi` },
        },
        securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
      },
    ],
    volumes: [{ name: "jobs", persistentVolumeClaim: { claimName: name } }],
  };
}

function settingsOf({ syncTimeoutSeconds }: Deployment): Record<string, string> {
  const settings = serverVariables(syncTimeoutSeconds).filter(({ isSecret }) => isSecret !== true);
  return Object.fromEntries(settings.map(({ fallback, name }) => [name, fallback]));
}

function secretsOf({ syncTimeoutSeconds, variables }: Deployment): Record<string, string> {
  const secrets = serverVariables(syncTimeoutSeconds).filter(({ isSecret }) => isSecret === true);
  return Object.fromEntries([...variables, ...secrets].map(({ name }) => [name, ""]));
}
