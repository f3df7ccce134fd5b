import { expect, test } from "vitest";
import { createOfferNames } from "../../../agent-runner/src/mcp/offer-name.ts";

test("a tool is offered under its server's name and its own", () => {
  expect(createOfferNames("github")("create_issue")).toBe("github__create_issue");
  expect(createOfferNames("my.server")("say hello")).toBe("my_server__say_hello");
});

test("of a name that is too long the tool's part stays whole", () => {
  const tool = "list_pull_requests_of_a_repository";
  const name = createOfferNames("s".repeat(60))(tool);
  expect(name).toHaveLength(64);
  expect(name).toMatch(new RegExp(`^s+__${tool}$`));
  expect(createOfferNames("s")("t".repeat(100))).toHaveLength(64);
});

test("no two tools of a server have one name", () => {
  const offerName = createOfferNames("s");
  expect(["a.b", "a_b", "a b"].map(offerName)).toEqual(["s__a_b", "s__a_b_2", "s__a_b_3"]);
  const long = "t".repeat(100);
  expect(offerName(`${long}1`)).not.toBe(offerName(`${long}2`));
  expect(offerName(`${long}3`)).toHaveLength(64);
});
