import { writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { readSettings, SettingsError } from "../../../agent-runner/src/serve/settings.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const read = (environment: NodeJS.ProcessEnv) =>
  readSettings({ environment, directory: "/srv", syncTimeoutSeconds: 30 });

test("keys come from the file that SECRETS_FILE names, and the environment wins over it", async () => {
  await using directory = await temporaryDirectory();
  const file = directory.file("keys.env");
  await writeFile(file, "# keys\nA_KEY=from-file\nB_KEY='quoted # text'\nAPI_TOKEN=sesame\nEMPTY=\n");
  const { values, apiToken } = read({ SECRETS_FILE: file, A_KEY: "from-environment", B_KEY: "" });
  expect(values).toMatchObject({ A_KEY: "from-environment", B_KEY: "quoted # text" });
  expect(values["EMPTY"]).toBeUndefined();
  expect(apiToken).toBe("sesame");
});

test("a malformed line of the key file is told by its number, never by its content", async () => {
  await using directory = await temporaryDirectory();
  const file = directory.file("damaged.env");
  await writeFile(file, "A=1\nsk-very-secret\n");
  expect(() => read({ SECRETS_FILE: file })).toThrow(/line 2/);
  expect(() => read({ SECRETS_FILE: file })).not.toThrow(/sk-very-secret/);
});

test("a key file that is not there is named", async () => {
  await using directory = await temporaryDirectory();
  const missing = directory.file("nowhere.env");
  expect(() => read({ SECRETS_FILE: missing })).toThrow(SettingsError);
  expect(() => read({ SECRETS_FILE: missing })).toThrow(/SECRETS_FILE.*nowhere\.env/);
});
