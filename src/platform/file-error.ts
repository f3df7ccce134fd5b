import { dirname } from "node:path";
import { type Action, AppError, type ErrorCode, systemErrorCode } from "../errors.ts";
import { quoteForShell } from "./shell-quote.ts";

/**
 * Names the path and the next step for a system error of a file operation. An AppError is returned as it is; what is no
 * system error is a bug of ours and comes back as INTERNAL with its cause.
 */
export function toFileError(error: unknown, path: string): AppError {
  if (error instanceof AppError) return error;
  const explain = EXPLANATIONS[systemErrorCode(error) ?? ""];
  const cause = error instanceof Error ? error.message : String(error);
  if (explain === undefined) return new AppError("INTERNAL", `${path} cannot be used: ${cause}`, { cause: error });
  const { code, message, ...help } = explain(path);
  return new AppError(code, message, { detail: cause, cause: error, ...help });
}

interface Explanation {
  code: ErrorCode;
  message: string;
  hint: string;
  actions?: Action[];
  retryable?: boolean;
}

type Explain = (path: string) => Explanation;

const diskFull: Explain = (path) => ({
  code: "DISK_FULL",
  message: `there is no space left on the disk of ${path}`,
  hint: "Make room, then try again; what was there before is unchanged",
  retryable: true,
  actions: [{ label: "See how full the disk is", command: `df -h ${quoteForShell(dirname(path))}` }],
});

const quotaReached: Explain = (path) => ({
  ...diskFull(path),
  message: `the disk quota of the user is used up, so ${path} cannot be written`,
  actions: [{ label: "See the quota", command: "quota -s" }],
});

const denied: Explain = (path) => ({
  code: "PERMISSION_DENIED",
  message: `no permission for ${path}`,
  hint: `Make it yours with: sudo chown -R "$(id -un)" ${quoteForShell(path)}; or choose another home with --home DIR`,
  actions: [
    { label: "See who owns it", command: `ls -ld ${quoteForShell(path)} ${quoteForShell(dirname(path))}` },
    { label: "Make it yours", command: `sudo chown -R "$(id -un)" ${quoteForShell(path)}` },
  ],
});

const readOnly: Explain = (path) => ({
  code: "PERMISSION_DENIED",
  message: `${path} is on a file system that is mounted read-only`,
  hint: "Choose a home that can be written: stigmer --home DIR …",
  actions: [{ label: "See how it is mounted", command: `findmnt -T ${quoteForShell(dirname(path))}` }],
});

const wrongKind: Explain = (path) => ({
  code: "STATE_DAMAGED",
  message: `${path}, or a folder on the way to it, is not of the kind it should be: a file where a folder belongs, or the reverse`,
  hint: "Look at it and move it away",
  actions: [{ label: "Look at it", command: `ls -ld ${quoteForShell(path)} ${quoteForShell(dirname(path))}` }],
});

const missing: Explain = (path) => ({
  code: "NOT_FOUND",
  message: `${path} does not exist`,
  hint: "See whether its folder is there, or whether it is a link to something that is gone",
  actions: [{ label: "Look at it", command: `ls -ld ${quoteForShell(path)} ${quoteForShell(dirname(path))}` }],
});

const badName: Explain = (path) => ({
  code: "CONFIG_INVALID",
  message: `${path} is a name that the system refuses: too long, or a circle of links`,
  hint: "Choose a shorter home: stigmer --home DIR …",
});

const tooManyOpen: Explain = (path) => ({
  code: "INTERNAL",
  message: `too many open files to open ${path}`,
  hint: "Raise the limit of this shell with: ulimit -n 4096",
  retryable: true,
});

const EXPLANATIONS: Record<string, Explain> = {
  ENOSPC: diskFull,
  EDQUOT: quotaReached,
  EACCES: denied,
  EPERM: denied,
  EROFS: readOnly,
  ENOTDIR: wrongKind,
  EISDIR: wrongKind,
  EEXIST: wrongKind,
  ENOENT: missing,
  ENAMETOOLONG: badName,
  ELOOP: badName,
  EMFILE: tooManyOpen,
  ENFILE: tooManyOpen,
};
