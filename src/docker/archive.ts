/** A file for {@link tarFiles}. Paths are relative, with `/` between folders. */
export interface ArchiveFile {
  path: string;
  content: Buffer | string;
  /** Permission bits, such as `0o400`. */
  mode: number;
  uid: number;
  gid: number;
  /** Seconds since the epoch; 0 by default, so that the same files give the same bytes. */
  mtime?: number;
}

const BLOCK_BYTES = 512;
const MAX_NAME_BYTES = 100;
const MAX_PREFIX_BYTES = 155;

/**
 * A tar archive (POSIX ustar) of a few small files in memory, for `putArchive` and build contexts.
 *
 * @throws RangeError for a path that ustar cannot hold.
 */
export function tarFiles(files: ArchiveFile[]): Buffer {
  const end = Buffer.alloc(2 * BLOCK_BYTES);
  return Buffer.concat([...files.flatMap(tarEntry), end]);
}

function tarEntry(file: ArchiveFile): Buffer[] {
  const content = Buffer.from(file.content);
  const padding = Buffer.alloc((BLOCK_BYTES - (content.length % BLOCK_BYTES)) % BLOCK_BYTES);
  return [tarHeader(file, content.length), content, padding];
}

function tarHeader({ gid, mode, mtime = 0, path, uid }: ArchiveFile, bytes: number): Buffer {
  const header = Buffer.alloc(BLOCK_BYTES);
  const { name, prefix } = splitPath(path);
  header.write(name, 0);
  header.write(octal(mode & 0o7777, 7), 100);
  header.write(octal(uid, 7), 108);
  header.write(octal(gid, 7), 116);
  header.write(octal(bytes, 11), 124);
  header.write(octal(mtime, 11), 136);
  header.write("0", 156); // A regular file.
  header.write("ustar\u000000", 257);
  header.write(prefix, 345);
  header.fill(" ", 148, 156); // The sum is taken with its own field blank.
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${octal(sum, 6)}\u0000 `, 148);
  return header;
}

/** Long paths are cut at a slash into a prefix and a name. */
function splitPath(path: string): { name: string; prefix: string } {
  if (Buffer.byteLength(path) <= MAX_NAME_BYTES) return { name: path, prefix: "" };
  for (let slash = path.indexOf("/"); slash !== -1; slash = path.indexOf("/", slash + 1)) {
    const [prefix, name] = [path.slice(0, slash), path.slice(slash + 1)];
    const fits = Buffer.byteLength(name) <= MAX_NAME_BYTES && Buffer.byteLength(prefix) <= MAX_PREFIX_BYTES;
    if (fits && name !== "") return { name, prefix };
  }
  throw new RangeError(`the path does not fit into a tar header: ${path}`);
}

function octal(value: number, digits: number): string {
  const text = Math.trunc(value).toString(8).padStart(digits, "0");
  if (text.length > digits) throw new RangeError(`${value} does not fit into a tar header`);
  return text;
}
