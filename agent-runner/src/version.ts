/** The version of this package: a constant, so that a bundle needs no manifest beside it. A test holds it to package.json. */
export const VERSION = "0.1.0";
