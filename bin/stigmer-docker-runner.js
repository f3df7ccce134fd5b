#!/usr/bin/env -S node --
// The two dashes: without them Node takes --env-file, wherever it stands, for its own.
const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`stigmer needs Node 20.19 or newer; this is ${process.version} (https://nodejs.org)`);
  process.exitCode = 1;
} else {
  require("../dist/docker-runner/main.js");
}
