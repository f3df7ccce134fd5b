/** A rule of a schema that a request breaks, as AJV tells it. */
export interface Violation {
  keyword?: string;
  instancePath: string;
  message?: string;
  params?: Readonly<Record<string, unknown>>;
}

export interface ValidationDetail {
  /** `querystring/follow`, `body/options/env`. */
  path: string;
  message: string;
}

/**
 * One detail a place. AJV names neither the property that is too many nor, where one of several schemas may fit, what
 * all of them together would take.
 * @param context `body` or `querystring`
 */
export function explainViolations(violations: readonly Violation[], context: string): ValidationDetail[] {
  const byPath = new Map<string, Violation[]>();
  for (const violation of violations) {
    const path = `${context}${violation.instancePath}`;
    byPath.set(path, [...(byPath.get(path) ?? []), violation]);
  }
  const details = [...byPath].map(([path, found]) => ({ path, message: explainPlace(found) }));
  // That none of several schemas fits says nothing beside why each does not.
  const telling = details.filter(({ message }) => message !== "");
  return telling.length > 0 ? telling : [{ path: context, message: "is wrong" }];
}

function explainPlace(found: readonly Violation[]): string {
  const constants = found.flatMap(({ keyword, params }) => (keyword === "const" ? [params?.["allowedValue"]] : []));
  const others = found.filter(({ keyword }) => keyword !== "const" && keyword !== "anyOf").map(explainOne);
  return [...(constants.length > 0 ? [`must be ${constants.join(" or ")}`] : []), ...new Set(others)].join(" or ");
}

function explainOne({ keyword, message, params }: Violation): string {
  if (keyword === "additionalProperties") return `has no property ${JSON.stringify(params?.["additionalProperty"])}`;
  return message ?? "is wrong";
}
