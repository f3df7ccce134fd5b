/** An answer of the runner protocol that repeating the call cannot change. */
export class RunnerRefusal extends Error {
  override readonly name = "RunnerRefusal";
  readonly status: 404 | 409;
  readonly code: "session_unknown" | "lease_lost";

  constructor(code: "session_unknown" | "lease_lost") {
    super(code === "session_unknown" ? "no such session: say hello again" : "the lease is not this session's any more");
    this.status = code === "session_unknown" ? 404 : 409;
    this.code = code;
  }
}
