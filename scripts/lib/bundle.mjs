import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { englishOnly } from "./english-only.mjs";
import { lazyRequire } from "./lazy-require.mjs";

/**
 * What gets bundled. Node loads hundreds of small files slowly (commander alone costs 24 ms unbundled), and code
 * splitting keeps every dynamic `import()` in a chunk of its own, so that a command loads only what it uses.
 *
 * @typedef {object} Bundle
 * @property {string} name
 * @property {string} sourceDirectory
 * @property {string} outputDirectory
 * @property {string[]} entryPoints relative to the source directory
 * @property {string[]} external packages that stay in node_modules
 * @property {string} [singleFile] the name of the one file that everything goes into
 */

/** @type {Bundle[]} */
export const BUNDLES = [
  {
    name: "stigmer",
    sourceDirectory: "src",
    outputDirectory: "dist",
    entryPoints: [
      "cli/main.ts",
      "server/main.ts",
      "docker-runner/main.ts",
      "docker-runner/client/client.ts",
      "deploy/api.ts",
    ],
    external: ["libsql"], // a native addon
  },
  {
    // Copied alone into the image: nothing may stay outside.
    name: "agent-runner",
    sourceDirectory: "agent-runner/src",
    outputDirectory: "agent-runner/dist",
    entryPoints: ["main.ts"],
    external: [],
  },
  {
    // Copied as it is into every generated deployment, beside a manifest without dependencies.
    name: "deployment-server",
    sourceDirectory: "agent-runner/src",
    outputDirectory: "dist-serve",
    entryPoints: ["serve/main.ts"],
    external: [],
    singleFile: "server.js",
  },
];

const TARGET = "node20.19";

/**
 * Bundles one package and writes it to where it belongs.
 *
 * @param {Bundle} bundle
 * @param {string} root the repository
 * @returns {Promise<{ missing: string[], files: number, bytes: number }>} entry points that do not exist (yet), and what was written
 */
export async function writeBundle(bundle, root) {
  const { missing, files } = await makeBundle(bundle, root);
  if (files.length > 0) await replaceOutput(join(root, bundle.outputDirectory), files);
  return { missing, files: files.length, bytes: files.reduce((sum, file) => sum + file.text.length, 0) };
}

/**
 * Bundles one package in memory. The same sources give the same bytes.
 *
 * @param {Bundle} bundle
 * @param {string} root the repository
 * @returns {Promise<{ missing: string[], files: { path: string, text: string }[] }>}
 */
export async function makeBundle(bundle, root) {
  const { build } = await import("esbuild");
  const sources = join(root, bundle.sourceDirectory);
  const present = bundle.entryPoints.filter((entry) => existsSync(join(sources, entry)));
  const missing = bundle.entryPoints.filter((entry) => !present.includes(entry));
  if (present.length === 0) return { missing, files: [] };

  const inputs = present.map((entry) => join(bundle.sourceDirectory, entry));
  const { outputFiles = [] } = await build({
    absWorkingDir: root,
    entryPoints: inputs,
    bundle: true,
    platform: "node",
    target: TARGET,
    legalComments: "none",
    external: bundle.external,
    plugins: [lazyRequire, englishOnly],
    logLevel: "warning",
    write: false,
    ...(bundle.singleFile === undefined ? manyFiles(bundle) : oneFile(bundle, bundle.singleFile)),
  });
  const files = await Promise.all(
    outputFiles.map(async ({ path, text }) => ({
      path,
      text: bundle.singleFile === undefined ? await toCommonJs(text, relative(root, path)) : text,
    })),
  );
  files.push({ path: join(root, bundle.outputDirectory, "package.json"), text: '{ "type": "commonjs" }\n' });
  return { missing, files };
}

/**
 * @param {Bundle} bundle
 * @returns {import("esbuild").BuildOptions}
 */
function manyFiles({ sourceDirectory, outputDirectory }) {
  return {
    outbase: sourceDirectory,
    outdir: outputDirectory,
    chunkNames: "chunks/[name]-[hash]",
    splitting: true,
    format: "esm", // the only format that esbuild splits
  };
}

/**
 * Names stay as they are, for the stack traces in a deployment's log.
 *
 * @param {Bundle} bundle
 * @param {string} name
 * @returns {import("esbuild").BuildOptions}
 */
function oneFile({ outputDirectory }, name) {
  return {
    outfile: join(outputDirectory, name),
    format: "cjs",
    minifySyntax: true,
    minifyWhitespace: true,
    define: { "import.meta.dirname": "__dirname" },
  };
}

/**
 * Node 20 starts a CommonJS program 6 ms faster than an ES module, and loads built-in modules into it faster; with
 * commander that is 8 ms over bare Node instead of 18. The price: no top-level await in what is bundled.
 *
 * @param {string} text an ES module
 * @param {string} name for messages
 */
async function toCommonJs(text, name) {
  const { transform } = await import("esbuild");
  const { code } = await transform(text, {
    format: "cjs",
    platform: "node",
    target: TARGET,
    sourcefile: name,
    supported: { "dynamic-import": false }, // becomes a late require: one loader, not two
    define: {
      "import.meta.url": "__fileUrl",
      "import.meta.filename": "__filename",
      "import.meta.dirname": "__dirname",
    },
    logLevel: "warning",
  });
  if (!code.includes("__fileUrl")) return code;
  return `const __fileUrl = require("node:url").pathToFileURL(__filename).href;\n${code}`;
}

/**
 * Chunks are named by content, and a running server still imports its own: the build before this one stays
 * beside the new one, anything older goes.
 *
 * @param {string} directory
 * @param {{ path: string, text: string }[]} files
 */
async function replaceOutput(directory, files) {
  const listFile = join(directory, ".files.json");
  const written = files.map((file) => relative(directory, file.path)).sort();
  const previous = await readList(listFile);
  // Chunks first: at no moment does an entry point name a file that is not there.
  const chunksFirst = [...files].sort((a, b) => Number(isChunk(b.path)) - Number(isChunk(a.path)));
  for (const file of chunksFirst) {
    await mkdir(dirname(file.path), { recursive: true });
    await writeFile(file.path, file.text);
  }
  const kept = new Set([...written, ...previous]);
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && path !== listFile && !kept.has(relative(directory, path))) await rm(path);
  }
  await writeFile(listFile, `${JSON.stringify(written, null, 1)}\n`);
}

/** @param {string} path */
function isChunk(path) {
  return path.includes(`${join("/", "chunks", "/")}`);
}

/**
 * @param {string} file
 * @returns {Promise<string[]>}
 */
async function readList(file) {
  try {
    return JSON.parse(await readFile(file, "utf8"));
  } catch {
    return []; // No build before this one, or a damaged list: nothing of it needs to be kept.
  }
}
