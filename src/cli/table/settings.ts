import { type CommandSpec, command } from "../command-spec.ts";
import { argument, choiceArgument } from "../option-spec.ts";

const SHELLS = ["bash", "zsh", "fish"] as const;

/** `config` and `completion`. */
export const SETTINGS_COMMANDS: readonly CommandSpec[] = [
  command({
    path: "config get",
    summary: "Print the effective value of a setting",
    takes: { key: argument("<key>", "Such as llm.model", { completes: "setting" }) },
    load: () => import("../commands/config/get.ts"),
  }),
  command({
    path: "config set",
    summary: "Write a setting to config.yaml",
    takes: {
      key: argument("<key>", "Such as llm.model", { completes: "setting" }),
      value: argument("<value>", "As it would be written in the file"),
    },
    load: () => import("../commands/config/set.ts"),
  }),
  command({
    path: "config unset",
    summary: "Remove a setting from config.yaml, so that its default holds",
    takes: { key: argument("<key>", "Such as llm.model", { completes: "setting" }) },
    load: () => import("../commands/config/unset.ts"),
  }),
  command({
    path: "config list",
    summary: "Print every setting with its effective value",
    takes: {},
    load: () => import("../commands/config/list.ts"),
  }),
  command({
    path: "config path",
    summary: "Print the path of config.yaml",
    takes: {},
    load: () => import("../commands/config/path.ts"),
  }),
  command({
    path: "completion",
    summary: "Print a completion script for a shell",
    takes: { shell: choiceArgument("<shell>", "bash, zsh or fish", SHELLS) },
    load: () => import("../commands/completion/completion.ts"),
  }),
];
