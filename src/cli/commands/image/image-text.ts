import type { ImageState, ImageStatus } from "../../../image/status.ts";

const MEANINGS: Record<ImageState, string> = {
  missing: "missing: build it with `stigmer image build`",
  "wrong-architecture": "for another architecture than Docker's: build it with `stigmer image build`",
  unlabelled: "unlabelled: made by other means than stigmer, so nothing is known of its sources",
  outdated: "outdated: bring it up to date with `stigmer image build`",
  current: "current",
};

/** What the image commands print about the image they end with. */
export function imageText(status: ImageStatus): string {
  const rows: [string, string | null][] = [
    ["image", status.image],
    ["id", status.imageId],
    ["size", status.size === null ? null : `${(status.size / 1e6).toFixed(1)} MB`],
    ["version", status.version],
    ["architecture", status.architecture],
    ["state", MEANINGS[status.state]],
  ];
  return rows.flatMap(([name, value]) => (value === null ? [] : [`${name.padEnd(13)} ${value}`])).join("\n");
}
