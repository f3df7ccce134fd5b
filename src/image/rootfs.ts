/** Puts the root file system of the local base together, in a folder that the caller owns. */
import {
  appendFile,
  chmod,
  cp,
  lstat,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { DROPPED_PATHS } from "./base-recipe.ts";
import type { DebianPackage } from "./debian-packages.ts";
import type { NodePackages } from "./node-packages.ts";
import { stripElf } from "./strip-elf.ts";

export interface RootfsParts {
  packages: readonly DebianPackage[];
  debianFiles: readonly string[];
  node: NodePackages;
  /** Runs a program of the host and returns its stdout. */
  run: (command: string, args: readonly string[]) => Promise<string>;
}

/** Fills `root`, which exists and is empty. Needs no root user: owners are set when it is packed. */
export async function assembleRootfs(root: string, parts: RootfsParts): Promise<void> {
  for (const file of parts.debianFiles) await parts.run("dpkg-deb", ["--extract", file, root]);
  await mergeUsr(root);
  await writeCertificates(root);
  await dropUnneeded(root);
  await linkGitOnce(root);
  await installNode(root, parts);
  await linkApplets(root, parts);
  await writeSystemFiles(root, parts.packages);
}

/** Where a release still ships /bin and /lib as folders they become links into /usr, as on an installed system. */
async function mergeUsr(root: string): Promise<void> {
  for (const name of ["bin", "sbin", "lib", "lib64"]) {
    const outer = join(root, name);
    const inner = join(root, "usr", name);
    await mkdir(inner, { recursive: true });
    const found = await lstat(outer).catch(() => null); // Absent: nothing to move.
    if (found?.isSymbolicLink()) continue;
    if (found !== null) await cp(outer, inner, { recursive: true, verbatimSymlinks: true });
    await rm(outer, { recursive: true, force: true });
    await symlink(`usr/${name}`, outer);
  }
}

/** What update-ca-certificates would write: one bundle of every authority that Debian trusts. */
async function writeCertificates(root: string): Promise<void> {
  const authorities = join(root, "usr/share/ca-certificates");
  const folder = join(root, "etc/ssl/certs");
  await mkdir(folder, { recursive: true });
  const bundle = join(folder, "ca-certificates.crt");
  const names = await readdir(authorities, { recursive: true });
  for (const name of names.filter((entry) => entry.endsWith(".crt")).sort()) {
    const certificate = await readFile(join(authorities, name), "utf8");
    await appendFile(bundle, certificate.endsWith("\n") ? certificate : `${certificate}\n`);
  }
  await rm(authorities, { recursive: true });
}

async function dropUnneeded(root: string): Promise<void> {
  for (const pattern of DROPPED_PATHS) {
    for (const path of await expand(root, pattern.split("/"))) await rm(path, { recursive: true, force: true });
  }
  const documentation = join(root, "usr/share/doc");
  for (const packageName of await readdir(documentation)) {
    const folder = join(documentation, packageName);
    if ((await lstat(folder)).isSymbolicLink()) continue;
    for (const name of await readdir(folder)) {
      if (name !== "copyright") await rm(join(folder, name), { recursive: true });
    }
  }
}

/** The paths that a pattern stands for; `*` is one folder of any name. */
async function expand(root: string, [segment, ...rest]: readonly string[]): Promise<string[]> {
  if (segment === undefined) return [root];
  if (segment !== "*") return await expand(join(root, segment), rest);
  const found: string[] = [];
  for (const entry of await readdir(root, { withFileTypes: true })) {
    if (entry.isDirectory()) found.push(...(await expand(join(root, entry.name), rest)));
  }
  return found;
}

/** Debian ships git twice, as a program and for its own scripts, and some of those want the perl that is not here. */
async function linkGitOnce(root: string): Promise<void> {
  const core = join(root, "usr/lib/git-core");
  await rm(join(core, "git"));
  await symlink("../../bin/git", join(core, "git"));
  for (const entry of await readdir(core, { withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const start = (await readFile(join(core, entry.name))).subarray(0, 64).toString("latin1");
    if (/^#!.*\bperl\b/.test(start)) await rm(join(core, entry.name));
  }
}

/** The layout of the official images: everything of Node below /usr/local. */
async function installNode(root: string, { node, run }: RootfsParts): Promise<void> {
  const local = join(root, "usr/local");
  const npm = join(local, "lib/node_modules/npm");
  const copyrights = join(root, "usr/share/doc/nodejs");
  await mkdir(join(local, "bin"), { recursive: true });
  await mkdir(npm, { recursive: true });
  await mkdir(copyrights, { recursive: true });
  const unpack = ["--extract", "--gzip", "--strip-components=1", "--no-same-owner", "--same-permissions"];
  await run("tar", [...unpack, "--file", node.nodeTarball, "-C", local, "package/bin/node", "package/LICENSE"]);
  await stripElf(join(local, "bin/node"));
  await rename(join(local, "LICENSE"), join(copyrights, "copyright"));
  await run("tar", [...unpack, "--file", node.npmTarball, "-C", npm]);
  for (const name of ["docs", "man"]) await rm(join(npm, name), { recursive: true, force: true });
  for (const name of ["npm", "npx"]) {
    await symlink(`../lib/node_modules/npm/bin/${name}-cli.js`, join(local, "bin", name));
    await chmod(join(npm, "bin", `${name}-cli.js`), 0o755);
  }
}

/** A shell and the usual tools, wherever no package brought the real one. */
async function linkApplets(root: string, { run }: RootfsParts): Promise<void> {
  const folder = join(root, "usr/bin");
  const present = new Set([...(await readdir(folder)), ...(await readdir(join(root, "usr/sbin")))]);
  for (const applet of (await run(join(folder, "busybox"), ["--list"])).split("\n")) {
    if (applet !== "" && !present.has(applet)) await symlink("busybox", join(folder, applet));
  }
}

async function writeSystemFiles(root: string, packages: readonly DebianPackage[]): Promise<void> {
  const files: Record<string, string> = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\n",
    // Without it glibc asks DNS before /etc/hosts, where Docker writes host.docker.internal.
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    "usr/share/doc/stigmer-base/packages": packages.map(({ name, version }) => `${name} ${version}\n`).join(""),
  };
  await mkdir(join(root, "usr/share/doc/stigmer-base"), { recursive: true });
  for (const [path, text] of Object.entries(files)) await writeFile(join(root, path), text);
  for (const path of ["dev", "proc", "sys", "run", "tmp", "var/tmp"])
    await mkdir(join(root, path), { recursive: true });
  for (const path of ["tmp", "var/tmp"]) await chmod(join(root, path), 0o1777);
}
