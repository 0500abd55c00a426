import { NotSupportedError } from "@trunkline/core/driver";
import { expect, test } from "vitest";
import { NameRegistry } from "../../src/topology/name-registry.js";

test("a name has one meaning, as often as it is claimed", () => {
  const registry = new NameRegistry("rabbit");
  registry.claim("queue", "a", "topic a");
  registry.claim("queue", "a", "topic a");
  const claim = (): void => registry.claim("queue", "a", "pool a");
  expect(claim).toThrow(NotSupportedError);
  expect(claim).toThrow(expect.objectContaining({ capability: "exactNames", driver: "rabbit" }));
  expect(claim).toThrow('pool a and topic a would share the queue "a"; rename one of them');
  // The first still has it.
  expect(() => registry.claim("queue", "a", "topic a")).not.toThrow();
});

test("a queue and an exchange of one name are two things", () => {
  const registry = new NameRegistry("rabbit");
  registry.claim("queue", "a", "one");
  registry.claim("exchange", "a", "other");
  expect(() => registry.claim("exchange", "a", "one")).toThrow("would share the exchange");
});

test("a topic is on one exchange", () => {
  const registry = new NameRegistry("rabbit");
  registry.claimTopic("a", "x");
  registry.claimTopic("a", "x");
  registry.claimTopic("b", "y");
  expect(() => registry.claimTopic("a", "y")).toThrow(expect.objectContaining({ capability: "exchanges" }));
  expect(() => registry.claimTopic("a", "y")).toThrow('topic "a" on exchange "y"');
});

test("fifty thousand names are remembered, and the oldest goes first", () => {
  const registry = new NameRegistry("rabbit");
  for (let index = 0; index < 50_000; index++) registry.claim("queue", `q${index}`, "first");
  expect(() => registry.claim("queue", "q0", "second")).toThrow(NotSupportedError);
  registry.claim("queue", "one more", "first");
  expect(() => registry.claim("queue", "q0", "second")).not.toThrow();
  expect(() => registry.claim("queue", "q49999", "second")).toThrow(NotSupportedError);
});
