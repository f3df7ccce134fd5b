import { expect, test } from "vitest";
import { parseLsof } from "../../../src/platform/listener-lsof.ts";
import { containerIdIn } from "../../../src/platform/listener-proc.ts";
import { formatAddress, parseListeners, standsInTheWay } from "../../../src/platform/proc-net.ts";

const HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
const row = (local: string, state: string, inode: number) =>
  `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 0 100 0 0 10 0\n`;

test("only listening sockets are read, with address, port and inode", () => {
  const table =
    HEAD + row("0100007F:1C42", "0A", 111) + row("0100007F:1C42", "01", 222) + row("00000000:0016", "0A", 333);
  expect(parseListeners(table)).toEqual([
    { host: "127.0.0.1", port: 7234, inode: "111" },
    { host: "0.0.0.0", port: 22, inode: "333" },
  ]);
});

test.each([
  ["00000000000000000000000000000000", "::"],
  ["00000000000000000000000001000000", "::1"],
  ["0000000000000000FFFF00000100007F", "127.0.0.1"],
  ["B80D0120000000000000000001000000", "2001:db8::1"],
])("the address %s of tcp6 is %s", (hex, host) => {
  expect(parseListeners(HEAD + row(`${hex}:0050`, "0A", 1))[0]?.host).toBe(host);
});

test.each([
  ["127.0.0.1", "127.0.0.1", true],
  ["127.0.0.1", "localhost", true],
  ["0.0.0.0", "127.0.0.1", true],
  ["127.0.0.1", "0.0.0.0", true],
  ["::", "127.0.0.1", true],
  ["127.0.0.2", "127.0.0.1", false],
  ["::1", "127.0.0.1", false],
  ["::1", "0.0.0.0", false],
])("a listener on %s and one on %s: in the way %s", (host, wanted, expected) => {
  expect(standsInTheWay(host, wanted)).toBe(expected);
});

test("an IPv6 address is written with brackets", () => {
  expect(formatAddress({ host: "::1", port: 80 })).toBe("[::1]:80");
});

const ID = "0123456789abcdef".repeat(4);

test.each([
  [`12:memory:/docker/${ID}\n`, ID],
  [`0::/system.slice/docker-${ID}.scope\n`, ID],
  [`0::/machine.slice/libpod-${ID}.scope/container\n`, ID],
  ["0::/user.slice/user-1000.slice/session-2.scope\n", null],
  [`0::/x/${ID}ff\n`, null],
  ["", null],
])("the container of the control group %j is %s", (cgroup, id) => {
  expect(containerIdIn(cgroup)).toBe(id);
});

test("what lsof prints gives processes and addresses", () => {
  expect(parseLsof("p4711\nf12\nn127.0.0.1:7234\nn[::1]:7234\np4712\nn*:7234\n")).toEqual([
    { pid: 4711, host: "127.0.0.1" },
    { pid: 4711, host: "::1" },
    { pid: 4712, host: "::" },
  ]);
});
