import { userInfo } from "node:os";
import { installDebianPackages, isInstalled } from "./debian-packages.mjs";
import { StepError } from "./step-error.mjs";
import { announce, step } from "./steps.mjs";

/** Programs that some tests talk to, and the package of Debian that each comes with. */
const TOOLS = [
  { program: "docker-registry", debianPackage: "docker-registry" },
  { program: "faketime", debianPackage: "faketime" },
  { program: "zsh", debianPackage: "zsh" },
  { program: "fish", debianPackage: "fish" },
];

/**
 * Installs what tests need beside Node and Docker, for those who may; a test whose tool is missing is skipped by name.
 *
 * @param {string} root the repository
 */
export function ensureTestTools(root) {
  return step("tools", async (say) => {
    const missing = TOOLS.filter(({ program }) => !isInstalled(program)).map(({ debianPackage }) => debianPackage);
    if (missing.length === 0) return say("all there");
    const names = missing.join(", ");
    if (userInfo().uid !== 0 || !isInstalled("apt-get")) return say(`their tests are skipped without ${names}`);
    announce("tools", `installing ${names} with apt-get`);
    try {
      await installDebianPackages(missing, { cwd: root });
      say(`installed ${names}`);
    } catch (error) {
      if (!(error instanceof StepError)) throw error;
      console.error(error.message);
      say(`could not be installed; their tests are skipped: ${names}`);
    }
  });
}
