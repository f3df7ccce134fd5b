#!/usr/bin/env node
const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`stigmer needs Node 20.19 or newer; this is ${process.version} (https://nodejs.org)`);
  process.exitCode = 1;
} else {
  require("../dist/docker-runner/main.js");
}
