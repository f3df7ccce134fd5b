import { Deployment } from "kubernetes-models/apps/v1";
import { ConfigMap, PersistentVolumeClaim, Secret, Service } from "kubernetes-models/v1";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { generateFiles } from "../../../src/deploy/generate.ts";
import { generationInput } from "../../support/deployable-workflow.ts";

const llm = { provider: "anthropic", model: "m", baseUrl: null, apiKeyEnv: null };
const KINDS = { ConfigMap, Deployment, PersistentVolumeClaim, Secret, Service };
const DNS_LABEL = /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/;

test("with --kubernetes there are a Deployment, a Service, a ConfigMap, a Secret and the volume, by the published schemas", () => {
  for (const name of ["shop", "0.8-beta_x", "a".repeat(63), "9"]) {
    const manifests = manifestsOf(name);
    expect(manifests.map(({ kind }) => kind).sort()).toEqual(Object.keys(KINDS).sort());
    for (const manifest of manifests) {
      const Model = KINDS[manifest.kind];
      expect(() => new Model(JSON.parse(JSON.stringify(manifest))).validate(), manifest.kind).not.toThrow();
      expect(manifest.metadata.name).toMatch(DNS_LABEL);
    }
  }
});

test("what one manifest names is what another one is", () => {
  const [config, deployment, secret, service, volume] = manifestsOf("shop");
  const pod = deployment?.spec?.template.spec;
  const container = pod?.containers[0];
  expect(container?.envFrom).toEqual([
    { configMapRef: { name: config?.metadata.name } },
    { secretRef: { name: secret?.metadata.name } },
  ]);
  expect(pod?.volumes).toEqual([{ name: "jobs", persistentVolumeClaim: { claimName: volume?.metadata.name } }]);
  expect(service?.spec?.selector).toEqual(deployment?.spec?.selector.matchLabels);
  expect(deployment?.spec?.template.metadata.labels).toMatchObject(deployment?.spec?.selector.matchLabels ?? {});
  expect(service?.spec?.ports[0]?.targetPort).toBe(container?.ports[0]?.name);
  expect(Object.keys(secret?.stringData ?? {})).toEqual([
    "ANTHROPIC_API_KEY",
    "API_TOKEN",
    "OTEL_EXPORTER_OTLP_HEADERS",
  ]);
  expect(Object.keys(config?.data ?? {})).not.toContain("API_TOKEN");
  expect(container?.ports[0]?.containerPort).toBe(8000);
});

test("the pod has no rights, and its jobs have one writer", () => {
  const spec = manifestsOf("shop")[1]?.spec;
  expect(spec).toMatchObject({ replicas: 1, strategy: { type: "Recreate" } });
  expect(spec?.template.spec).toMatchObject({
    automountServiceAccountToken: false,
    securityContext: { runAsNonRoot: true, runAsUser: 10001 },
    containers: [{ securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } } }],
  });
});

interface ManifestDocument {
  kind: keyof typeof KINDS;
  metadata: { name: string };
  spec?: {
    selector: { matchLabels: object };
    ports: { targetPort: string }[];
    template: { metadata: { labels: object }; spec: PodSpec };
  };
  data?: object;
  stringData?: object;
}

interface PodSpec {
  containers: { envFrom: object[]; ports: { name: string; containerPort: number }[] }[];
  volumes: object[];
}

/** In the order of their files. */
function manifestsOf(name: string): ManifestDocument[] {
  const { files } = generateFiles(generationInput({ kubernetes: true, name, llm }));
  return [...files]
    .filter(([path]) => path.startsWith("kubernetes/"))
    .map(([, content]) => parse(Buffer.from(content).toString(), { version: "1.1" }));
}
