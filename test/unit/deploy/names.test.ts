import { describe, expect, test } from "vitest";
import { dockerNames, kubernetesName, requireDeploymentName, slug } from "../../../src/deploy/deployment-name.ts";

/** As the engine checks them. */
const CONTAINER = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;
const IMAGE = /^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*:[\w][\w.-]{0,127}$/;

describe("a name", () => {
  test.each(["a", "0", "shop", "my.shop_2-b", "a".repeat(63)])("%s is one", (name) => {
    expect(requireDeploymentName(name)).toBe(name);
  });

  test.each([
    ["My Shop", "my-shop"],
    ["-x", "x"],
    ["Größe", "gro-e"],
    ["a/b:c", "a-b-c"],
    [`${"a".repeat(70)}`, "a".repeat(63)],
    ["$(id)", "id"],
  ])("%j is none, and the nearest is %s", (name, nearest) => {
    expect(() => requireDeploymentName(name)).toThrow(
      expect.objectContaining({
        code: "USAGE",
        message: expect.stringContaining(nearest),
        hint: expect.stringContaining(`--name ${nearest}`),
      }),
    );
  });

  test.each([
    ["Article Writer", "article-writer"],
    ["Café  Été", "cafe-ete"],
    ["v1.2_x", "v1.2_x"],
    ["--x--", "x"],
  ])("of a flow %j is %s", (flow, name) => {
    expect(slug(flow)).toBe(name);
  });

  test("of flows of which nothing can be kept are different ones", () => {
    expect(slug("日本語")).toMatch(/^workflow-[0-9a-f]{8}$/);
    expect(slug("日本語")).not.toBe(slug("中文"));
  });
});

describe("names in Docker and Kubernetes", () => {
  const NAMES = [
    "a",
    "shop",
    "a..b",
    "a-b",
    "a___b",
    "workflow-9",
    "a.",
    "a_-b",
    "x___y",
    "9",
    "a".repeat(63),
    "0.8-beta_x",
  ];

  test.each(NAMES)("of %s begin with it and are accepted", (name) => {
    const { candidateImage, container, image, jobsVolume, network } = dockerNames(name);
    for (const given of [container, network, jobsVolume]) {
      expect(given).toMatch(CONTAINER);
      expect(given.startsWith(name)).toBe(true);
    }
    for (const reference of [image, candidateImage]) expect(reference).toMatch(IMAGE);
    expect(kubernetesName(name)).toMatch(/^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/);
  });

  test("of two deployments are never the same image, nor that of somebody else", () => {
    const images = NAMES.map((name) => dockerNames(name).image);
    expect(new Set(images).size).toBe(NAMES.length);
    expect(new Set(NAMES.map(kubernetesName)).size).toBe(NAMES.length);
    expect(dockerNames("redis").image).not.toMatch(/^redis:/);
  });
});
