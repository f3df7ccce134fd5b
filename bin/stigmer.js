#!/usr/bin/env -S node --
// The two dashes: without them Node takes --env-file, wherever it stands, for its own.
const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`stigmer needs Node 20.19 or newer; this is ${process.version} (https://nodejs.org)`);
  process.exitCode = 1;
} else if (process.platform === "win32") {
  console.error("stigmer does not run natively on Windows; use it inside WSL2");
  process.exitCode = 1;
} else {
  require("node:module").enableCompileCache?.();
  require("../dist/cli/main.js"); // CommonJS, like the bundle: an ES module would cost each command 10 ms
}
