/** Counters of this process in the text format of Prometheus. */
export class Metrics {
  readonly #requests = new Map<string, number>();
  readonly #refusals = new Map<string, number>();
  #execs = 0;
  #runningExecs = 0;

  countRequest(method: string, route: string, statusCode: number): void {
    increment(this.#requests, `method="${toLabelValue(method)}",route="${toLabelValue(route)}",status="${statusCode}"`);
  }

  countRefusal(code: string): void {
    increment(this.#refusals, `code="${toLabelValue(code)}"`);
  }

  /** @returns the end of the exec. */
  beginExec(): () => void {
    this.#execs += 1;
    this.#runningExecs += 1;
    return () => {
      this.#runningExecs -= 1;
    };
  }

  /** @param gauges values of the moment that others keep; null ones are left out. */
  render(gauges: Gauges): string {
    const lines = [
      ...family("docker_runner_requests_total", "counter", "Answered requests.", [...this.#requests]),
      ...family("docker_runner_refusals_total", "counter", "Requests refused, by error code.", [...this.#refusals]),
      ...family("docker_runner_execs_total", "counter", "Execs started.", [["", this.#execs]]),
      ...family("docker_runner_execs_running", "gauge", "Execs under way.", [["", this.#runningExecs]]),
      ...family("docker_runner_requests_running", "gauge", "Requests under way.", [["", gauges.requests]]),
      ...family("docker_runner_streams_open", "gauge", "Event streams and WebSockets.", [["", gauges.streams]]),
      ...family("docker_runner_nonces", "gauge", "Nonces remembered.", [["", gauges.nonces]]),
      ...family("docker_runner_nonces_capacity", "gauge", "Nonces that can be remembered.", [
        ["", gauges.nonceCapacity],
      ]),
    ];
    if (gauges.containers !== null) {
      lines.push(
        ...family("docker_runner_containers", "gauge", "Containers of this runner, stopped ones included.", [
          ["", gauges.containers],
        ]),
      );
    }
    return `${lines.join("\n")}\n`;
  }
}

export interface Gauges {
  requests: number;
  streams: number;
  nonces: number;
  nonceCapacity: number;
  /** Null when the engine cannot be asked. */
  containers: number | null;
}

function family(name: string, type: string, help: string, samples: [string, number][]): string[] {
  const values = samples.map(([labels, value]) => `${name}${labels === "" ? "" : `{${labels}}`} ${value}`);
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...values];
}

function increment(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function toLabelValue(value: string): string {
  return value.replace(/["\\\n]/g, "_");
}
