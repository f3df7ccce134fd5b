import { chooseModel, type ModelChoice } from "@stigmer/agent-runner/model-choice";
import type { Settings } from "../../../../config/settings.ts";
import { type Check, type DoctorFacts, pass, skip, warn } from "../check.ts";

const DEADLINE_MS = 2_000;

/** The model service of the configuration answers and has the model. Only ever a warning: agents may name others. */
export async function checkModel({ settings, signal }: Pick<DoctorFacts, "settings" | "signal">): Promise<Check> {
  if (settings === null) return skip("model", "the configuration is invalid");
  const choice = configuredModel(settings);
  const { provider, name, baseUrl } = choice;
  if (baseUrl === null) return skip("model", `${provider}, model ${name}: not asked, since that would need the key`);
  const url = `${baseUrl.replace(/\/+$/, "")}/models`;
  try {
    const answer = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(DEADLINE_MS)]) });
    // A service that wants a key first is there.
    if (answer.status === 401 || answer.status === 403) return pass("model", `${provider} answers at ${baseUrl}`);
    if (!answer.ok) return warn("model", `${provider} at ${url} answers ${answer.status}`, hintFor(choice));
    return describeModels(choice, await answer.json());
  } catch (error) {
    signal.throwIfAborted();
    return warn("model", `${provider} does not answer at ${url} (${reasonOf(error)})`, hintFor(choice));
  }
}

/** Which model `config.yaml` means for a definition that names none. */
export function configuredModel({ llm }: Settings): ModelChoice {
  return chooseModel({ provider: null, name: null, base_url: null, api_key_env: null }, llm);
}

function describeModels({ provider, name, baseUrl }: ModelChoice, body: unknown): Check {
  const ids = modelIds(body);
  if (name === null || ids.length === 0 || ids.includes(name) || ids.includes(`${name}:latest`)) {
    return pass("model", `${provider} answers at ${baseUrl}, model ${name}`);
  }
  const hint = provider === "ollama" ? `ollama pull ${name}` : `It has ${ids.slice(0, 5).join(", ")}`;
  return warn("model", `${provider} at ${baseUrl} has no model ${name}`, hint);
}

/** `{"data": [{"id": "…"}]}`, as services that speak OpenAI's protocol answer. */
function modelIds(body: unknown): string[] {
  const models = typeof body === "object" && body !== null && "data" in body ? body.data : null;
  if (!Array.isArray(models)) return [];
  return models.flatMap((model: unknown) =>
    typeof model === "object" && model !== null && "id" in model && typeof model.id === "string" ? [model.id] : [],
  );
}

function hintFor({ provider, name }: ModelChoice): string {
  if (provider === "ollama") return `ollama serve, then: ollama pull ${name}`;
  return "See llm.base_url: stigmer config get llm.base_url";
}

/** fetch says only "fetch failed"; the cause below it says what happened. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === "TimeoutError") return `no answer within ${DEADLINE_MS / 1_000} s`;
  const { cause } = error;
  if (cause instanceof Error) return "code" in cause && typeof cause.code === "string" ? cause.code : cause.message;
  return error.message;
}
