import { loadNodeSqlite } from "./store/node-sqlite.ts";

/** The first release whose `node:sqlite` needs no flag. */
const OLDEST = { major: 22, minor: 13 };

/** Why this Node cannot run the server, naming it; null when it can. */
export function describeUnsuitableNode(version = process.versions.node): string | null {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const isOldEnough = major < OLDEST.major || (major === OLDEST.major && minor < OLDEST.minor);
  if (!isOldEnough && loadNodeSqlite() !== null) return null;
  return `this server needs Node ${OLDEST.major}.${OLDEST.minor} or newer, for its node:sqlite; this is Node ${version}`;
}
