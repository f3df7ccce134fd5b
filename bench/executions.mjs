import { writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { percentile } from "./lib/sample.mjs";
import { StackHome } from "./lib/stack-home.mjs";

const AGENT = `
apiVersion: stigmer/v1
kind: Agent
metadata: { name: bench }
spec:
  instructions: none
  model: { provider: scripted, script: [{ text: done }] }
`;

/** The embedded queue with the real runner container and a scripted model. @param {{ executions: number }} options */
export async function benchExecutions({ executions }) {
  const stack = new StackHome();
  try {
    const file = join(stack.root, "bench.yaml");
    writeFileSync(file, AGENT);
    stack.run("server", "start", "-q");
    stack.run("apply", "-f", file);
    const latencies = [];
    for (let index = 0; index < 50; index += 1) latencies.push(await enqueueToStart(stack));
    const startMs = performance.now();
    const ids = await Promise.all(Array.from({ length: executions }, () => enqueue(stack)));
    await Promise.all(ids.map((id) => followToEnd(stack, id)));
    const perSecond = executions / ((performance.now() - startMs) / 1000);
    const p50 = percentile(latencies, 50);
    return [
      { what: "enqueue → execution started, p50", value: p50, unit: "ms", target: "≤ 5 ms", met: p50 <= 5 },
      { what: "enqueue → execution started, p99", value: percentile(latencies, 99), unit: "ms", target: null },
      {
        what: `scripted executions through all events, ${executions} at once`,
        value: perSecond,
        unit: "/s",
        target: "≥ 300 /s",
        met: perSecond >= 300,
      },
    ];
  } finally {
    stack.dispose();
  }
}

async function enqueueToStart(/** @type {StackHome} */ stack) {
  const events = await followToEnd(stack, await enqueue(stack));
  const at = (/** @type {string} */ type) => Date.parse(events.find((event) => event.type === type)?.time ?? "");
  return at("execution.started") - at("execution.queued");
}

async function enqueue(/** @type {StackHome} */ stack) {
  const body = {
    kind: "agent",
    name: "bench",
    message: "go",
    input: null,
    sessionId: null,
    environment: {},
    timeoutMs: null,
  };
  const [answer] = await call(stack, "POST", "/v1/executions", body);
  return answer.executionId;
}

function followToEnd(/** @type {StackHome} */ stack, /** @type {string} */ id) {
  return call(stack, "GET", `/v1/executions/${id}/events?after=0&follow=true`);
}

/** @returns {Promise<any[]>} the records of the answer */
function call(
  /** @type {StackHome} */ stack,
  /** @type {string} */ method,
  /** @type {string} */ path,
  /** @type {unknown} */ body = undefined,
) {
  return new Promise((resolve, reject) => {
    const options = { socketPath: join(stack.home, "run/stigmer.sock"), method, path };
    const sent = request(options, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk) => {
        text += chunk;
      });
      response.on("end", () => {
        if ((response.statusCode ?? 500) >= 400) reject(new Error(`${path}: ${response.statusCode} ${text}`));
        else
          resolve(
            text
              .trim()
              .split("\n")
              .map((line) => JSON.parse(line)),
          );
      });
    });
    sent.on("error", reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
