import { AppError } from "../errors.ts";

/** The error of an image that is not there, with the three ways to get it. */
export function imageMissing(reference: string): AppError {
  return new AppError("IMAGE_MISSING", `The image ${reference} is not there`, WAYS_OUT);
}

/** The error of an image that Docker here cannot run; architectures as images name them. */
export function wrongArchitecture(reference: string, architecture: string, engineArchitecture: string): AppError {
  const message = `The image ${reference} is for ${architecture}, and Docker runs on ${engineArchitecture}`;
  return new AppError("IMAGE_MISSING", message, WAYS_OUT);
}

const WAYS_OUT = {
  hint: "Build it with `stigmer image build`, or let the start build it (`--build`) or fetch it from a registry (`--pull`)",
  actions: [
    { label: "Build the image", command: "stigmer image build" },
    { label: "Build it and start", command: "stigmer server start --build" },
    { label: "Pull it and start", command: "stigmer server start --pull" },
  ],
};
