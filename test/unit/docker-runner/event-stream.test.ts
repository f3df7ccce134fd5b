import { describe, expect, test } from "vitest";
import { EventStreamParser } from "../../../src/docker-runner/client/event-stream.ts";

const STREAM = Buffer.from(
  ': heartbeat\n\ndata: {"a":"ä🌍"}\n\nevent: x\nid: 7\ndata: one\r\ndata:two\r\n\r\ndata: last\n\n',
);
const EVENTS = ['{"a":"ä🌍"}', "one\ntwo", "last"];

describe("a stream of server-sent events", () => {
  test("gives the data of each event; comments and other fields are none", () => {
    expect(new EventStreamParser().push(STREAM)).toEqual(EVENTS);
  });

  test("is the same wherever it is cut, also inside a character", () => {
    for (let at = 1; at < STREAM.length; at += 1) {
      const parser = new EventStreamParser();
      expect([...parser.push(STREAM.subarray(0, at)), ...parser.push(STREAM.subarray(at))]).toEqual(EVENTS);
    }
    const parser = new EventStreamParser();
    expect([...STREAM].flatMap((byte) => parser.push(Buffer.from([byte])))).toEqual(EVENTS);
  });

  test("gives no event that is not complete", () => {
    expect(new EventStreamParser().push(Buffer.from("data: half\n"))).toEqual([]);
  });
});
