/** Model services take 64 letters, digits, `_` and `-`. */
const LONGEST = 64;

/**
 * How a server's tools are offered: `<server>__<tool>`. Where that is too long the server's name is cut, since the
 * tool's says what it does; of two tools that would get one name the later is numbered.
 */
export function createOfferNames(server: string): (tool: string) => string {
  const taken = new Set<string>();
  return (tool) => {
    let name = join(server, tool, "");
    for (let count = 2; taken.has(name); count += 1) name = join(server, tool, `_${count}`);
    taken.add(name);
    return name;
  };
}

function join(server: string, tool: string, ending: string): string {
  const rest = `__${tool}`.slice(0, LONGEST - ending.length) + ending;
  return `${server.slice(0, LONGEST - rest.length)}${rest}`.replace(/[^A-Za-z0-9_-]/g, "_");
}
