/** A span as the JSON form of OTLP has it; times are milliseconds since the epoch. */
export interface Span {
  traceId: string;
  spanId: string;
  parentSpanId: string | null;
  name: string;
  /** `client`: of a call to a service. */
  kind: "internal" | "client";
  startedAt: number;
  endedAt: number;
  attributes: Attributes;
  /** Null: it went well. */
  error: string | null;
}

export type Attributes = { [name: string]: string | number | boolean };

/** The body of `POST /v1/traces`. */
export function exportRequest(spans: readonly Span[], resource: Attributes): object {
  return {
    resourceSpans: [
      {
        resource: { attributes: keyValues(resource) },
        scopeSpans: [{ scope: { name: "stigmer" }, spans: spans.map(toOtlp) }],
      },
    ],
  };
}

function toOtlp({ traceId, spanId, parentSpanId, name, kind, startedAt, endedAt, attributes, error }: Span): object {
  return {
    traceId,
    spanId,
    ...(parentSpanId === null ? {} : { parentSpanId }),
    name,
    kind: kind === "internal" ? 1 : 3,
    startTimeUnixNano: nanoseconds(startedAt),
    endTimeUnixNano: nanoseconds(endedAt),
    attributes: keyValues(attributes),
    status: error === null ? { code: 1 } : { code: 2, message: error },
  };
}

/** As a text: the number has more digits than JSON's numbers keep. */
function nanoseconds(ms: number): string {
  return `${Math.round(ms)}000000`;
}

function keyValues(attributes: Attributes): object[] {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: anyValue(value) }));
}

function anyValue(value: string | number | boolean): object {
  if (typeof value === "boolean") return { boolValue: value };
  if (typeof value === "string") return { stringValue: value };
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}
