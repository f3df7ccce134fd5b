/**
 * zod tells mistakes in fifty languages, which are a tenth of a bundle; this product speaks one, which zod loads by itself.
 *
 * @type {import("esbuild").Plugin}
 */
export const englishOnly = {
  name: "english-only",
  setup(build) {
    build.onLoad({ filter: /[\\/]zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, () => ({
      contents: 'export { default as en } from "./en.js";',
    }));
  },
};
