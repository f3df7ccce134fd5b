import { join } from "node:path";

/**
 * What libraries load at import and hardly ever use: dockerode's client for `ssh://` hosts and its BuildKit sessions
 * and progress (with ssh2, grpc and protobufjs 200 ms of CPU time), and commander's subcommands that are programs of
 * their own (5 ms for `node:child_process`).
 */
const RARE_MODULES = [
  { importer: "docker-modem/lib/modem.js", request: "./ssh", real: "docker-modem/lib/ssh.js" },
  { importer: "dockerode/lib/docker.js", request: "./session", real: "dockerode/lib/session.js" },
  { importer: "dockerode/lib/docker.js", request: "./buildkit", real: "dockerode/lib/buildkit.js" },
  { importer: "commander/lib/command.js", request: "node:child_process", real: "node:child_process" },
];

/**
 * Replaces each of them by a stand-in that loads the real one, from node_modules, at its first use.
 *
 * @type {import("esbuild").Plugin}
 */
export const lazyRequire = {
  name: "lazy-require",
  setup(build) {
    const root = build.initialOptions.absWorkingDir ?? process.cwd();
    build.onResolve({ filter: /^\.\/(ssh|session|buildkit)$|^node:child_process$/ }, ({ importer, path }) => {
      const rare = RARE_MODULES.find(
        (one) => one.request === path && importer.endsWith(`/node_modules/${one.importer}`),
      );
      return rare && { path: rare.real, namespace: "lazy-require" };
    });
    build.onLoad({ filter: /.*/, namespace: "lazy-require" }, ({ path }) => ({
      contents: standInFor(path),
      resolveDir: join(root, "node_modules"),
    }));
  },
};

/**
 * A module is used by calling it or by reading a property of it; a proxy of a function stands for both.
 * docker-modem need not be hoisted beside dockerode, so it is looked up from there.
 *
 * @param {string} path
 */
function standInFor(path) {
  const real = path.startsWith("node:")
    ? `require("${path}")`
    : `require("node:module").createRequire(require.resolve("dockerode/package.json"))("${path}")`;
  return `
const load = () => ${real};
module.exports = new Proxy(() => {}, {
  apply: (_, self, values) => Reflect.apply(load(), self, values),
  get: (_, key) => load()[key],
});
`;
}
