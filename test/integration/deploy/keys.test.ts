import { writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { parseSecrets } from "../../../src/config/secrets.ts";
import { generateFiles } from "../../../src/deploy/generate.ts";
import { keyFileText, readValues } from "../../../src/deploy/up/keys.ts";
import { generationInput } from "../../support/deployable-workflow.ts";
import { HOSTILE_TEXTS } from "../../support/hostile-text.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const llm = { provider: "anthropic", model: "m", baseUrl: null, apiKeyEnv: null };
const { deployment } = generateFiles(generationInput({ llm }));

describe("the values of a deployment", () => {
  test("come from the first file there is: --env-file, the directory's .env, secrets.env", async () => {
    await using place = await temporaryDirectory();
    const read = (envFile: string | null) =>
      readValues(deployment, { envFile, directory: place.path, secretsFile: place.file("secrets.env") });
    await writeFile(
      place.file("secrets.env"),
      "ANTHROPIC_API_KEY=home\nAPI_TOKEN=not-of-one-deployment\nMAX_RUNNING=9\n",
    );
    expect(await read(null)).toEqual({ secrets: { ANTHROPIC_API_KEY: "home" }, settings: {} });
    await writeFile(place.file(".env"), "ANTHROPIC_API_KEY=directory\nAPI_TOKEN=t\nMAX_RUNNING=9\nUNUSED=x\n");
    expect(await read(null)).toEqual({
      secrets: { ANTHROPIC_API_KEY: "directory", API_TOKEN: "t" },
      settings: { MAX_RUNNING: "9" },
    });
    await writeFile(place.file("given"), "ANTHROPIC_API_KEY=given\n");
    expect(await read(place.file("given"))).toEqual({ secrets: { ANTHROPIC_API_KEY: "given" }, settings: {} });
  });

  test("must hold every key that is needed, and an empty one is none", async () => {
    await using place = await temporaryDirectory();
    const sources = { envFile: null, directory: place.path, secretsFile: place.file("secrets.env") };
    const missing = {
      code: "CONFIG_INVALID",
      message: expect.stringContaining("ANTHROPIC_API_KEY (for the models of anthropic)"),
    };
    await expect(readValues(deployment, sources)).rejects.toMatchObject(missing);
    await writeFile(place.file(".env"), "ANTHROPIC_API_KEY=\n");
    await expect(readValues(deployment, sources)).rejects.toMatchObject(missing);
  });

  test("are not read from a file that is not there", async () => {
    await using place = await temporaryDirectory();
    const sources = { envFile: place.file("none"), directory: place.path, secretsFile: place.file("secrets.env") };
    await expect(readValues(deployment, sources)).rejects.toMatchObject({ code: "USAGE" });
  });
});

describe("the key file", () => {
  test("gives back what went in, whatever it is", () => {
    for (const value of HOSTILE_TEXTS.filter((text) => !/[\r\u2028\u2029]/.test(text))) {
      expect(parseSecrets(keyFileText({ KEY: value }), "f")).toEqual({ KEY: value });
    }
  });

  test("refuses what no line can hold, and does not show it", () => {
    expect(() => keyFileText({ KEY: "se\rcret\u2028" })).toThrow(
      expect.objectContaining({ code: "CONFIG_INVALID", message: expect.not.stringContaining("cret") }),
    );
  });
});
