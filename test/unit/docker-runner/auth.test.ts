import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { Authenticator } from "../../../src/docker-runner/auth/authenticator.ts";
import { NonceStore } from "../../../src/docker-runner/auth/nonce-store.ts";
import { EMPTY_BODY_HASH, isSignedBy, sign } from "../../../src/docker-runner/auth/signature.ts";

const TTL_MS = 60_000;
const NOW_MS = Date.parse("2026-01-01T00:00:00Z");
const SECRET = "the current secret";
const PREVIOUS = "the previous secret";

/** An authenticator whose clock the test turns, of a process that has been running for ten minutes. */
function createRig({ capacity = 100, uptimeMs = 600_000, secrets = [SECRET] } = {}) {
  const clock = { now: NOW_MS, uptime: uptimeMs, nowMs: () => clock.now, uptimeMs: () => clock.uptime };
  const nonces = new NonceStore(capacity);
  const authenticator = new Authenticator({ secrets, ttlMs: TTL_MS, nonces, clock });
  return {
    clock,
    nonces,
    /** Both halves, as a request goes through them. */
    admit(headers: Record<string, string>, bodyHash = EMPTY_BODY_HASH) {
      const credentials = authenticator.checkHeaders(headers);
      const nonceAsSent = headers["x-dr-nonce"] ?? "";
      authenticator.verify(credentials, { method: "GET", url: "/v1/x?y=z", nonceAsSent, bodyHash });
    },
    authenticator,
  };
}

function headersOf({
  timestamp = String(NOW_MS),
  nonce = randomUUID() as string,
  secret = SECRET,
  bodyHash = EMPTY_BODY_HASH,
} = {}) {
  const signature = sign({ method: "GET", url: "/v1/x?y=z", timestamp, nonce, bodyHash }, secret);
  return { "x-dr-timestamp": timestamp, "x-dr-nonce": nonce, "x-dr-signature": signature };
}

function codeOf(work: () => void): string {
  try {
    work();
  } catch (error) {
    return (error as { code: string }).code;
  }
  return "accepted";
}

test("the signed text is the contract's: five parts, one LF between them", () => {
  const parts = { method: "POST", url: "/v1/exec/run", timestamp: "1", nonce: "n", bodyHash: "h" };
  // openssl dgst -sha256 -hmac 0123456789abcdef over "POST\n/v1/exec/run\n1\nn\nh"
  expect(sign(parts, "0123456789abcdef")).toBe("ScSFrN1ZLvWSkoeDkYC63zCY9yKd5jeNBsS5E821jA0=");
  expect(EMPTY_BODY_HASH).toBe("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
});

test("signatures of any other length or alphabet are no signatures, and none throws", () => {
  const parts = { method: "GET", url: "/", timestamp: "1", nonce: "n", bodyHash: "h" };
  const right = sign(parts, SECRET);
  expect(isSignedBy([SECRET], right, parts)).toBe(true);
  const others = [
    "",
    "A",
    right.slice(0, -1),
    `${right}=`,
    `${right}A`,
    right.replace(/=$/, ""),
    right.toLowerCase(),
    Buffer.from(right, "base64").toString("hex"),
    Buffer.from(right, "base64").toString("base64url"),
    ` ${right.slice(1)}`,
    "é".repeat(44),
    "\u0000".repeat(44),
    "A".repeat(100_000),
  ].filter((other) => other !== right);
  for (const other of others) expect(isSignedBy([SECRET], other, parts)).toBe(false);
});

test("every part is covered by the signature", () => {
  const parts = { method: "GET", url: "/a", timestamp: "1", nonce: "n", bodyHash: "h" };
  const signature = sign(parts, SECRET);
  for (const key of Object.keys(parts) as (keyof typeof parts)[]) {
    expect(isSignedBy([SECRET], signature, { ...parts, [key]: "other" })).toBe(false);
  }
});

describe("a request", () => {
  test("is accepted once", () => {
    const rig = createRig();
    const headers = headersOf();
    expect(codeOf(() => rig.admit(headers))).toBe("accepted");
    expect(codeOf(() => rig.admit(headers))).toBe("replayed_nonce");
  });

  test("whose nonce is spelt in another case is the same one", () => {
    const rig = createRig();
    const nonce = randomUUID();
    rig.admit(headersOf({ nonce }));
    expect(codeOf(() => rig.admit(headersOf({ nonce: nonce.toUpperCase() })))).toBe("replayed_nonce");
  });

  test("fails in the documented order", () => {
    const rig = createRig();
    const used = headersOf();
    rig.admit(used);
    // Each has every mistake that comes later in the order as well.
    const { "x-dr-signature": _, ...unsigned } = used;
    expect(codeOf(() => rig.admit({ ...unsigned, "x-dr-timestamp": "soon" }))).toBe("missing_headers");
    expect(codeOf(() => rig.admit({ ...used, "x-dr-timestamp": "soon", "x-dr-signature": "?" }))).toBe(
      "invalid_timestamp",
    );
    expect(codeOf(() => rig.admit({ ...used, "x-dr-timestamp": "1", "x-dr-signature": "?" }))).toBe(
      "timestamp_out_of_range",
    );
    expect(codeOf(() => rig.admit({ ...used, "x-dr-signature": "?" }))).toBe("replayed_nonce");
    expect(codeOf(() => rig.admit({ ...headersOf(), "x-dr-signature": "?" }))).toBe("invalid_signature");
  });

  test.each(["x-dr-timestamp", "x-dr-nonce", "x-dr-signature"])("without %s lacks headers", (name) => {
    const rig = createRig();
    expect(codeOf(() => rig.admit({ ...headersOf(), [name]: "" }))).toBe("missing_headers");
  });

  test("whose nonce is no UUID lacks headers", () => {
    const rig = createRig();
    expect(codeOf(() => rig.admit(headersOf({ nonce: "x".repeat(10_000) })))).toBe("missing_headers");
  });

  test.each(["1e12", "-1", " 1", "1.5", "0x10", "9".repeat(30), `${NOW_MS}, ${NOW_MS}`])(
    "at %j has an invalid timestamp",
    (timestamp) => {
      expect(codeOf(() => createRig().admit(headersOf({ timestamp })))).toBe("invalid_timestamp");
    },
  );

  test.each([
    [-TTL_MS - 1, "timestamp_out_of_range"],
    [-TTL_MS, "accepted"],
    [TTL_MS, "accepted"],
    [TTL_MS + 1, "timestamp_out_of_range"],
  ])("%d ms from now is %s", (offsetMs, outcome) => {
    expect(codeOf(() => createRig().admit(headersOf({ timestamp: String(NOW_MS + offsetMs) })))).toBe(outcome);
  });

  test("from before the process started is refused", () => {
    const rig = createRig({ uptimeMs: 5_000 });
    expect(codeOf(() => rig.admit(headersOf({ timestamp: String(NOW_MS - 5_001) })))).toBe("timestamp_out_of_range");
    expect(codeOf(() => rig.admit(headersOf({ timestamp: String(NOW_MS - 4_999) })))).toBe("accepted");
  });

  test("that is forged burns nobody's nonce", () => {
    const rig = createRig();
    const headers = headersOf();
    expect(codeOf(() => rig.admit({ ...headers, "x-dr-signature": "A".repeat(44) }))).toBe("invalid_signature");
    expect(rig.nonces.size).toBe(0);
    expect(codeOf(() => rig.admit(headers))).toBe("accepted");
  });

  test("whose body took longer than its timestamp is good for is refused", () => {
    const rig = createRig();
    const headers = headersOf();
    const credentials = rig.authenticator.checkHeaders(headers);
    rig.clock.now += TTL_MS + 1;
    const request = { method: "GET", url: "/v1/x?y=z", nonceAsSent: headers["x-dr-nonce"], bodyHash: EMPTY_BODY_HASH };
    expect(codeOf(() => rig.authenticator.verify(credentials, request))).toBe("timestamp_out_of_range");
  });

  test("sent twice at once is accepted once, whichever body comes first", () => {
    const rig = createRig();
    const headers = headersOf();
    const both = [rig.authenticator.checkHeaders(headers), rig.authenticator.checkHeaders(headers)];
    const request = { method: "GET", url: "/v1/x?y=z", nonceAsSent: headers["x-dr-nonce"], bodyHash: EMPTY_BODY_HASH };
    expect(both.map((one) => codeOf(() => rig.authenticator.verify(one, request)))).toEqual([
      "accepted",
      "replayed_nonce",
    ]);
  });

  test("is accepted under either secret, and a nonce counts for both", () => {
    const rig = createRig({ secrets: [SECRET, PREVIOUS] });
    const nonce = randomUUID();
    expect(codeOf(() => rig.admit(headersOf({ secret: PREVIOUS, nonce })))).toBe("accepted");
    expect(codeOf(() => rig.admit(headersOf({ secret: SECRET, nonce })))).toBe("replayed_nonce");
    expect(codeOf(() => rig.admit(headersOf({ secret: SECRET })))).toBe("accepted");
    expect(codeOf(() => rig.admit(headersOf({ secret: "a third secret, long" })))).toBe("invalid_signature");
  });

  test("is answered 503 when the store is full, until the oldest nonces have expired", () => {
    const rig = createRig({ capacity: 2 });
    rig.admit(headersOf());
    rig.admit(headersOf());
    expect(codeOf(() => rig.admit(headersOf()))).toBe("nonce_store_full");
    expect(rig.nonces.size).toBe(2);
    rig.clock.now += TTL_MS + 2_000;
    expect(codeOf(() => rig.admit(headersOf({ timestamp: String(rig.clock.now) })))).toBe("accepted");
    expect(rig.nonces.size).toBe(1);
  });

  test("is remembered for as long as its timestamp could be accepted, from the future as well", () => {
    const rig = createRig({ capacity: 10_000 });
    const headers = headersOf({ timestamp: String(NOW_MS + TTL_MS) });
    rig.admit(headers);
    for (let elapsedMs = 0; elapsedMs <= 2 * TTL_MS; elapsedMs += 500) {
      rig.clock.now = NOW_MS + elapsedMs;
      rig.admit(headersOf({ timestamp: String(rig.clock.now) })); // Others come and go.
      expect(codeOf(() => rig.admit(headers))).toBe("replayed_nonce");
    }
    rig.clock.now += 1_000;
    expect(codeOf(() => rig.admit(headers))).toBe("timestamp_out_of_range");
  });

  test("cannot be repeated by setting the clock back", () => {
    const rig = createRig({ capacity: 10_000 });
    const headers = headersOf();
    rig.admit(headers);
    rig.clock.now += 2 * TTL_MS;
    rig.admit(headersOf({ timestamp: String(rig.clock.now) }));
    rig.clock.now = NOW_MS;
    expect(codeOf(() => rig.admit(headers))).toBe("timestamp_out_of_range");
  });
});
