import { setTimeout as delay } from "node:timers/promises";
import type { Log } from "../../log.ts";
import { type Attributes, exportRequest, type Span } from "./span.ts";

export interface Exporter {
  /** Sent a little later, with others. */
  add(span: Span): void;
  /** Sends what is left. Never throws. */
  close(): Promise<void>;
}

export interface ExporterOptions {
  /** The collector's base address: `/v1/traces` is below it. */
  endpoint: string;
  headers: Record<string, string>;
  resource: Attributes;
  log: Log;
}

const PERIOD_MS = 1_000;
const BATCH = 512;
/** What is kept for a collector that does not take it; beyond, the oldest go. */
const MOST_WAITING = 4_096;
const TIMEOUT_MS = 10_000;
/** How long the end of the server waits for a collector. */
const CLOSE_MS = 2_000;

/** Sends spans by OTLP over HTTP as JSON, in batches. A collector that is away costs spans, and nothing else. */
export function createExporter({ endpoint, headers, resource, log }: ExporterOptions): Exporter {
  const url = `${endpoint.replace(/\/$/, "")}/v1/traces`;
  let waiting: Span[] = [];
  let sending: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | null = null;
  let isSilent = false;

  const send = async (): Promise<void> => {
    timer = null;
    while (waiting.length > 0) {
      const batch = waiting.splice(0, BATCH);
      try {
        const response = await fetch(url, {
          method: "POST",
          headers: { "content-type": "application/json", ...headers },
          body: JSON.stringify(exportRequest(batch, resource)),
          signal: AbortSignal.timeout(TIMEOUT_MS),
        });
        await response.arrayBuffer();
        if (!response.ok) throw new Error(`it answered ${response.status}`);
        isSilent = false;
      } catch (error) {
        // Told once until it takes some again.
        if (!isSilent) log.warn(`the collector at ${url} takes no traces: ${reasonOf(error)}`);
        isSilent = true;
      }
    }
  };

  return {
    add(span) {
      waiting.push(span);
      if (waiting.length > MOST_WAITING) waiting = waiting.slice(-MOST_WAITING);
      if (timer !== null) return;
      timer = setTimeout(() => {
        sending = sending.then(send);
      }, PERIOD_MS);
      timer.unref();
    },
    async close() {
      if (timer !== null) clearTimeout(timer);
      sending = sending.then(send);
      await Promise.race([sending, delay(CLOSE_MS, undefined, { ref: false })]);
    },
  };
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
}
