import Type from "typebox";
import type { ContainerListItem } from "../../docker/container-documents.ts";
import type { App } from "../app.ts";
import { ContainerIds, FindBody, VolumeQuery } from "../schemas/containers.ts";
import { ContainerQuery, failures } from "../schemas/fields.ts";
import type { Service } from "../service.ts";

const AnyObject = Type.Object({}, { additionalProperties: true });

/** What is asked about containers. */
export function addReadingRoutes(app: App, { engine, own }: Service): void {
  app.get(
    "/v1/containers/inspect",
    {
      schema: {
        querystring: ContainerQuery,
        response: { 200: Type.Unsafe<string>({ ...AnyObject, description: "The engine's own document" }), ...failures },
      },
    },
    async (request, reply) => {
      const { text } = await own.find(request.query.containerId);
      return reply.type("application/json").send(text);
    },
  );

  app.get(
    "/v1/containers/labels",
    {
      schema: {
        querystring: ContainerQuery,
        response: { 200: Type.Object({ labels: Type.Record(Type.String(), Type.String()) }), ...failures },
      },
    },
    async (request) => {
      const { document } = await own.find(request.query.containerId);
      return { labels: document.Config.Labels ?? {} };
    },
  );

  app.get(
    "/v1/containers/networks",
    {
      schema: {
        querystring: ContainerQuery,
        response: { 200: Type.Object({ networks: Type.Record(Type.String(), AnyObject) }), ...failures },
      },
    },
    async (request) => {
      const { document } = await own.find(request.query.containerId);
      return { networks: document.NetworkSettings?.Networks ?? {} };
    },
  );

  app.post(
    "/v1/containers/findByLabels",
    { schema: { body: FindBody, response: { 200: ContainerIds, ...failures } } },
    async (request) => {
      const { all = false, labels } = request.body;
      const label = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
      const found = await engine.list(own.narrow({ label }), { all });
      // The engine takes a filter without a value for "any value".
      const exact = found.filter(({ Labels }) => Object.entries(labels).every(([key, one]) => Labels?.[key] === one));
      return { containerIds: oldestFirst(exact) };
    },
  );

  app.get(
    "/v1/containers/listByVolume",
    { schema: { querystring: VolumeQuery, response: { 200: ContainerIds, ...failures } } },
    async (request) => {
      const { volumeName } = request.query;
      const found = await engine.list(own.narrow({ volume: [volumeName] }), { all: true });
      // The engine's filter takes a path inside the container for a volume as well.
      const using = found.filter(({ Mounts }) => Mounts?.some(({ Name }) => Name === volumeName));
      return { containerIds: oldestFirst(using) };
    },
  );
}

function oldestFirst(containers: ContainerListItem[]): string[] {
  // The engine lists the newest first, and those of one second in the order of their making as well.
  return containers
    .reverse()
    .sort((left, right) => left.Created - right.Created)
    .map(({ Id }) => Id);
}
