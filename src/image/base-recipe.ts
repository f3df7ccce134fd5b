/** What the local base image is made of: plain data, whose hash names the image. */
import { createHash } from "node:crypto";

/** Raise it when the assembly in rootfs.ts changes what comes out: bases of an older revision are not used again. */
const REVISION = 1;

/** Debian packages to begin with; what they depend on is asked of apt, so that each release brings its own names. */
export const ROOT_PACKAGES = [
  "base-files",
  "busybox-static",
  "ca-certificates",
  "git",
  "libc6",
  "libgcc-s1",
  "libstdc++6",
  "tini",
] as const;

/**
 * Where following dependencies stops: what only maintainer scripts, manuals or git's perl commands need. Perl alone
 * would be 50 MB. The SASL plug-ins bring Berkeley DB for a mechanism that git over https does not use.
 */
export const EXCLUDED_PACKAGES: readonly RegExp[] = [
  /^(debconf|cdebconf|dpkg|openssl|git-man|perl|liberror-perl|libsasl2-modules-db)$/,
  /^gcc-\d+-base$/,
  /^(gawk|mawk|original-awk)$/,
];

/** Below the root. Documentation goes as well, except the copyright files, which a pushed image must carry. */
export const DROPPED_PATHS = [
  "etc/bash_completion.d",
  "etc/default",
  "etc/dpkg",
  "etc/gss",
  "etc/update-motd.d",
  "usr/bin/git-shell",
  "usr/bin/scalar",
  "usr/bin/tini-static",
  "usr/lib/git-core/git-daemon",
  "usr/lib/git-core/git-http-backend",
  "usr/lib/git-core/git-http-fetch",
  "usr/lib/git-core/git-http-push",
  "usr/lib/git-core/git-imap-send",
  "usr/lib/git-core/git-instaweb",
  "usr/lib/git-core/git-shell",
  "usr/lib/git-core/scalar",
  "usr/lib/*/audit",
  "usr/lib/*/gconv",
  "usr/share/bash-completion",
  "usr/share/bug",
  "usr/share/gitweb",
  "usr/share/info",
  "usr/share/lintian",
  "usr/share/locale",
  "usr/share/man",
  "usr/share/perl5",
] as const;

/** npm packages by major version: the newest that the registry has when the base is assembled. */
export const NODE_MAJOR = 24;
export const NPM_MAJOR = 11;

/** The distribution whose packages are used, and the machine they are for. */
export interface BaseTarget {
  /** `debian`, `ubuntu`, … */
  distribution: string;
  /** `12`, `24.04`, … */
  release: string;
  /** As Node names it. */
  arch: "x64" | "arm64";
}

const REPOSITORY = "stigmer-base";

/** Whether the name is that of a local base: everything is in it, so that building on it needs no network. */
export function isLocalBase(reference: string): boolean {
  return reference.startsWith(`${REPOSITORY}:`);
}

/** `stigmer-base:<12 hex digits>`: the same recipe on the same distribution is the same name. */
export function baseReference(target: BaseTarget): string {
  const recipe = JSON.stringify([
    REVISION,
    target,
    ROOT_PACKAGES,
    EXCLUDED_PACKAGES.map(String),
    DROPPED_PATHS,
    NODE_MAJOR,
    NPM_MAJOR,
  ]);
  return `${REPOSITORY}:${createHash("sha256").update(recipe).digest("hex").slice(0, 12)}`;
}
