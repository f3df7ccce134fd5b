import { expect, test } from "vitest";
import { parseUris } from "../../../src/image/debian-packages.ts";

test("apt's list of addresses gives name, version, file and size", () => {
  const listing = [
    "'http://mirror/pool/t/tini/tini_0.19.0-1%2bb3_amd64.deb' tini_0.19.0-1+b3_amd64.deb 267204 SHA256:7d19",
    "N: a note of apt's",
    "'http://mirror/pool/g/git/git_2.39.5-0%2bdeb12u3_amd64.deb' git_1%3a2.39.5-0+deb12u3_amd64.deb 7264380 ",
  ].join("\n");
  expect(parseUris(listing)).toEqual([
    { name: "git", version: "1:2.39.5-0+deb12u3", fileName: "git_1%3a2.39.5-0+deb12u3_amd64.deb", sizeBytes: 7264380 },
    { name: "tini", version: "0.19.0-1+b3", fileName: "tini_0.19.0-1+b3_amd64.deb", sizeBytes: 267204 },
  ]);
});
