import { expect, test } from "vitest";
import { completionPoints } from "../../../src/cli/commands/completion/points.ts";
import { COMMANDS, GROUPS } from "../../../src/cli/table.ts";

const points = completionPoints({ commands: COMMANDS, groups: GROUPS, settingKeys: ["llm.model"] });
const at = (path: string) => points.find((point) => point.path === path);

test("the words of a line complete to groups, commands and their flags", () => {
  expect(at("")?.commands.map(({ word }) => word)).toEqual(
    expect.arrayContaining(["server", "run", "doctor", "deploy"]),
  );
  expect(at("server")?.commands.map(({ word }) => word)).toEqual(["start", "stop", "restart", "status", "logs"]);
  expect(at("server logs")?.flags.map(({ word }) => word)).toEqual(
    expect.arrayContaining(["-c", "--component", "--follow", "--json", "--help"]),
  );
});

test("values complete to components, keys of settings and files", () => {
  const component = at("server logs")?.flagValues.find(({ flags }) => flags.includes("-c"));
  expect(component).toMatchObject({
    flags: ["-c", "--component"],
    values: { words: expect.arrayContaining(["agent-runner"]) },
  });
  expect(at("config get")?.argument).toEqual({ words: ["llm.model"] });
  expect(at("apply")?.flagValues[0]).toEqual({ flags: ["-f", "--file"], values: { files: true } });
});
