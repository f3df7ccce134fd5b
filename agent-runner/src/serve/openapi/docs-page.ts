import type { Json } from "../../protocol/messages.ts";
import type { ApiAnswer } from "../http/route.ts";
import { type CurlCaller, curlExample } from "./curl-example.ts";
import { DOCS_STYLE } from "./docs-style.ts";
import type { OpenApiDocument } from "./document.ts";

/**
 * The API's description as a page that needs nothing from elsewhere: no script, no font, no style sheet.
 * @param caller where its reader found it, for a command that works as it stands.
 */
export function renderDocs(document: OpenApiDocument, caller: CurlCaller): ApiAnswer {
  const { info, paths, components } = document;
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  );
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${info.title}</title>
<style>${raw(DOCS_STYLE)}</style>
</head>
<body>
<header>
<h1>${info.title} <small>${info.version}</small></h1>
<p>${info.description}</p>
<nav>${operations.map(({ method, path, operation }) => html`<a href="#${anchor(method, path)}">${tag(method)} <code>${path}</code> ${operation.summary}</a>`)}</nav>
</header>
<main>
<section>
<h2>Try it</h2>
<pre><code>${curlExample(components.schemas["Inputs"] ?? {}, caller)}</code></pre>
</section>
${operations.map(renderOperation)}
<h2>Schemas</h2>
${Object.entries(components.schemas).map(([name, schema]) => html`<section id="schema-${name}"><h3>${name}</h3><pre><code>${pretty(schema)}</code></pre></section>`)}
</main>
</body>
</html>
`;
  return {
    status: 200,
    text: page.text,
    type: "text/html; charset=utf-8",
    // Names and descriptions come from the workflow: whatever they hold, nothing of it runs.
    headers: { "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'" },
  };
}

interface ShownOperation {
  method: string;
  path: string;
  operation: OpenApiDocument["paths"][string][string];
}

function renderOperation({ method, path, operation }: ShownOperation): Html {
  const { summary, description, parameters, requestBody, responses } = operation;
  return html`<section id="${anchor(method, path)}">
<h3>${tag(method)} <code>${path}</code></h3>
<p><strong>${summary}.</strong> ${prose(text(description))}</p>
${
  list(parameters).length === 0
    ? ""
    : html`<table><tr><th>Parameter</th><th>In</th><th>Meaning</th></tr>${list(parameters).map(
        (parameter) =>
          html`<tr><td><code>${text(parameter["name"])}</code></td><td>${text(parameter["in"])}</td><td>${prose(text(parameter["description"]))}</td></tr>`,
      )}</table>`
}
${requestBody === undefined ? "" : html`<p>Body: ${schemaOf(requestBody)}</p>`}
<table><tr><th>Answer</th><th>Meaning</th><th>Body</th></tr>${Object.entries(responses).map(
    ([status, response]) =>
      html`<tr><td><code>${status}</code></td><td>${prose(text(record(response)["description"]))}</td><td>${schemaOf(response)}</td></tr>`,
  )}</table>
</section>
`;
}

/** The media type of a body, and the schema where it has a name. */
function schemaOf(body: Json): Html {
  const [media] = Object.entries(record(record(body)["content"] ?? {}));
  if (media === undefined) return raw("");
  const [type, content] = media;
  const reference =
    text(record(record(content)["schema"] ?? {})["$ref"])
      .split("/")
      .at(-1) ?? "";
  return reference === "" ? html`${type}` : html`${type}: <a href="#schema-${reference}">${reference}</a>`;
}

function tag(method: string): Html {
  return html`<span class="method ${method.toLowerCase()}">${method}</span>`;
}

function anchor(method: string, path: string): string {
  return `${method}${path}`.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
}

function pretty(value: Json): string {
  return JSON.stringify(value, null, 2);
}

function record(value: Json): { [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
}

function list(value: Json | undefined): { [key: string]: Json }[] {
  return Array.isArray(value) ? value.map(record) : [];
}

function text(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}

/** What stands between backticks is code. */
function prose(text: string): Html[] {
  return text.split("`").map((part, index) => (index % 2 === 0 ? html`${part}` : html`<code>${part}</code>`));
}

/** Text that may stand in a page as it is. */
interface Html {
  text: string;
}

function raw(text: string): Html {
  return { text };
}

/** Escapes every value but those that are HTML already. */
function html(parts: TemplateStringsArray, ...values: (string | Html | Html[])[]): Html {
  const written = values.map((value) => {
    if (typeof value === "string") return escapeHtml(value);
    return Array.isArray(value) ? value.map((one) => one.text).join("") : value.text;
  });
  return raw(parts.map((part, index) => part + (written[index] ?? "")).join(""));
}

const ENTITIES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? "");
}
