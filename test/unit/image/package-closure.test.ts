import { expect, test } from "vitest";
import { closePackages, parseDependencies } from "../../../src/image/package-closure.ts";

/** Shaped like the output of `apt-cache depends --recurse`. */
const OUTPUT = `git
  Depends: libc6
  Depends: libcurl3-gnutls
  Depends: perl
ca-certificates
  Depends: openssl
 |Depends: debconf
  Depends: <debconf-2.0>
    cdebconf
    debconf
base-files
  PreDepends: <awk>
    mawk
    gawk
libc6
  Depends: libgcc-s1
libcurl3-gnutls
  Depends: libc6
  Depends: zlib1g:any
perl
  Depends: libdb5.3
<awk>
libdb5.3
`;

test("a package brings what it depends on, and what that depends on", () => {
  const names = closePackages(parseDependencies(OUTPUT), ["git"], [/^perl$/]);
  expect(names).toEqual(["git", "libc6", "libcurl3-gnutls", "libgcc-s1", "zlib1g"]);
});

test("an excluded package takes what only it needs with it", () => {
  expect(closePackages(parseDependencies(OUTPUT), ["git"], [])).toContain("libdb5.3");
  expect(closePackages(parseDependencies(OUTPUT), ["git"], [/^perl$/])).not.toContain("libdb5.3");
});

test("of alternatives the first is taken, unless another one is there or excluded anyway", () => {
  const graph = parseDependencies(OUTPUT);
  expect(graph.get("ca-certificates")).toEqual([["openssl"], ["debconf", "cdebconf", "debconf"]]);
  expect(closePackages(graph, ["ca-certificates"], [])).toEqual(["ca-certificates", "debconf", "openssl"]);
  expect(closePackages(graph, ["ca-certificates", "cdebconf"], [])).not.toContain("debconf");
  expect(closePackages(graph, ["cdebconf", "ca-certificates"], [])).not.toContain("debconf");
  expect(closePackages(graph, ["ca-certificates"], [/^cdebconf$/])).not.toContain("debconf");
});

test("a virtual package stands for the first that provides it", () => {
  expect(closePackages(parseDependencies(OUTPUT), ["base-files"], [])).toEqual(["base-files", "mawk"]);
});
