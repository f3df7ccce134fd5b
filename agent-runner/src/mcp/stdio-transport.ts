import { setTimeout as delay } from "node:timers/promises";
import { ReadBuffer, serializeMessage } from "@modelcontextprotocol/sdk/shared/stdio.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import type { JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js";
import { type BoundedBuffer, createBoundedBuffer } from "../tools/bounded-text.ts";
import { type GuardedCommand, type GuardedGroup, startGuarded } from "../tools/guarded-group.ts";

/** Of what a server says on stderr, this much is kept to explain its end. */
const STDERR_LIMIT_BYTES = 4 * 1024;
const OUTPUT_GRACE_MS = 200;

/**
 * Talks to an MCP server over its standard streams. Unlike the SDK's own transport it owns the server's whole process
 * group: `npx` and shells start the real server as a child, which would outlive them.
 */
export class GroupTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  readonly #command: GuardedCommand;
  readonly #received = new ReadBuffer();
  readonly #stderr: BoundedBuffer = createBoundedBuffer(STDERR_LIMIT_BYTES);
  #group: GuardedGroup | null = null;
  #closing: Promise<void> | null = null;

  constructor(command: GuardedCommand) {
    this.#command = command;
  }

  /** What the server said on stderr so far, its beginning and its end. */
  get complaints(): string {
    return this.#stderr.toText().trim();
  }

  async start(): Promise<void> {
    const group = startGuarded(this.#command, { stdin: true });
    this.#group = group;
    group.stdout.on("data", (chunk: Buffer) => this.#receive(chunk));
    group.stderr.on("data", (chunk: Buffer) => this.#stderr.push(chunk));
    group.stdin?.on("error", (error) => this.onerror?.(error));
    group.exit
      .then(() => lastWords(group))
      .catch((error: Error) => this.onerror?.(error))
      .finally(() => this.onclose?.());
  }

  async send(message: JSONRPCMessage): Promise<void> {
    const stdin = this.#group?.stdin;
    if (stdin === undefined || stdin === null || !stdin.writable) throw new Error("the server has ended");
    await new Promise<void>((resolve, reject) => {
      stdin.write(serializeMessage(message), (error) => (error ? reject(error) : resolve()));
    });
  }

  /** The client closes after a failure by itself; both callers wait for the same end. */
  async close(): Promise<void> {
    this.#closing ??= this.#end();
    await this.#closing;
  }

  async #end(): Promise<void> {
    const group = this.#group;
    if (group === null) return;
    await group.end();
    await lastWords(group);
    group.destroy();
  }

  #receive(chunk: Buffer): void {
    this.#received.append(chunk);
    for (;;) {
      try {
        const message = this.#received.readMessage();
        if (message === null) return;
        this.onmessage?.(message);
      } catch (error) {
        // A line that is no message, such as a greeting on stdout: the next one may be.
        this.onerror?.(error instanceof Error ? error : new Error(String(error)));
      }
    }
  }
}

/** What the server said before its end may still be under way. */
async function lastWords(group: GuardedGroup): Promise<void> {
  await Promise.race([group.closed, delay(OUTPUT_GRACE_MS, undefined, { ref: false })]);
}
