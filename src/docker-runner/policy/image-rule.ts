import { policyDenied, validationError } from "../api-error.ts";
import { matchesAny } from "./glob.ts";
import type { Policy } from "./policy.ts";

/** Host with an optional port, path, tag, digest. Every part in the characters that registries allow. */
const REFERENCE =
  /^(?:[A-Za-z0-9][A-Za-z0-9.-]*(?::\d{1,5})?\/)?[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:\/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*(?::[\w][\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?$/;

/** What the engine would take for an image's ID, whole or cut as its command line prints it. */
const ID = /^(?:sha256:.*|[0-9a-f]{12,64})$/i;

/**
 * The full reference of an allowed image. Always with a tag or a digest, so that the engine cannot read it as an ID.
 *
 * @throws ApiError validation_error for what is no reference, policy_denied for what matches no pattern.
 */
export function allowedImage(reference: string, { images }: Pick<Policy, "images">): string {
  if (ID.test(reference)) throw policyDenied("images are named by reference, never by ID");
  if (reference.length > 512 || !REFERENCE.test(reference)) {
    throw validationError(`${JSON.stringify(reference.slice(0, 512))} is no image reference`);
  }
  const full = withTag(reference);
  if (!matchesAny(images.map(withPatternTag), full)) throw policyDenied(`the policy does not allow the image ${full}`);
  return full;
}

function withTag(reference: string): string {
  return /:[^/]*$/.test(reference) ? reference : `${reference}:latest`; // A digest has a colon too.
}

/** A pattern that names one image and no tag means what the same reference means. */
function withPatternTag(pattern: string): string {
  return pattern.includes("*") ? pattern : withTag(pattern);
}
