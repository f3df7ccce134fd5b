import type { Settings } from "../../../config/settings.ts";
import type { CommandContext } from "../../context.ts";
import type { Check } from "../doctor/check.ts";
import { checkKey } from "../doctor/checks/key.ts";
import { checkModel, configuredModel } from "../doctor/checks/model.ts";

const PROVIDER_NAMES: Record<string, string> = {
  ollama: "Ollama",
  anthropic: "Anthropic",
  openai: "OpenAI",
  google: "Google",
};

/** After the stack is ready a model service has so long left to answer. */
const LAST_WORD_MS = 300;

/** One line that names the provider and model of agents that name none. */
export function modelLine(settings: Settings): string {
  const { provider, name, keyVariable } = configuredModel(settings);
  const key = keyVariable === null ? "no API key needed" : `its key is ${keyVariable}`;
  return `Using ${PROVIDER_NAMES[provider] ?? provider}, model ${name}: ${key}`;
}

/**
 * Looks for the model service while the stack starts. `report` warns of a silent service or a missing key with the next
 * command; it never fails a start and hardly ever delays one.
 */
export function lookForModel(settings: Settings, context: CommandContext): { report: () => Promise<void> } {
  const over = new AbortController();
  const signal = AbortSignal.any([context.signal, over.signal]);
  const facts = { settings, paths: context.paths, env: context.env, signal };
  const checks = Promise.all([checkModel(facts), checkKey(facts)]).catch(() => null); // Cut off: said by `report`.
  return {
    async report() {
      const timer = setTimeout(() => over.abort(new Error("no answer in time")), LAST_WORD_MS);
      const results = await checks;
      clearTimeout(timer);
      if (results === null) context.warn("The model service has not answered; `stigmer doctor` asks it again");
      else for (const check of results) if (check.status === "warn") context.warn(sentence(check));
    },
  };
}

function sentence({ message, hint }: Check): string {
  return hint === null ? message : `${message}; ${hint}`;
}
