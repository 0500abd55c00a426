import type { Delivery } from "@trunkline/core/driver";
import { expect, test } from "vitest";
import { type InHand, LocalListener } from "../../src/serving/local-listener.js";

type Message = Delivery & InHand;

/** A message that only remembers that it went back. */
function message(log: string[], name: string, listener: () => LocalListener): Message {
  const hand: InHand = {
    previous: undefined,
    next: undefined,
    handBack() {
      log.push(name);
      listener().remove(hand);
    },
  };
  return hand as Message;
}

const rpc = { kind: "rpc", address: { realm: "", exchange: "e", topic: "t", server: "s" } } as const;

test("what comes before it is open is held, then delivered in order; what comes later at once", () => {
  const got: Delivery[] = [];
  const listener = new LocalListener(1, rpc, (delivery) => got.push(delivery), 4);
  const [a, b, c] = ["a", "b", "c"].map((name) => message([], name, () => listener)) as [Message, Message, Message];
  listener.deliver(a);
  listener.deliver(b);
  expect([got, listener.accepts, listener.state]).toEqual([[], true, "opening"]);
  listener.open();
  listener.deliver(c);
  expect(got).toEqual([a, b, c]);
});

test("closing gives back what is in hand, in the order in which it came, and each once", () => {
  const log: string[] = [];
  const listener = new LocalListener(1, rpc, () => {}, 4);
  const [a, b, c, d] = ["a", "b", "c", "d"].map((name) => message(log, name, () => listener)) as Message[];
  for (const one of [a, b, c, d]) listener.deliver(one as Message);
  listener.remove(b as Message);
  listener.remove(b as Message);
  listener.stop();
  expect([listener.accepts, listener.state]).toEqual([false, "stopping"]);
  listener.close();
  listener.close();
  expect([log, listener.state]).toEqual([["a", "c", "d"], "closed"]);
});

test("one that has stopped does not open any more", () => {
  const listener = new LocalListener(1, rpc, () => {}, 4);
  listener.stop();
  listener.open();
  expect(listener.state).toBe("stopping");
  listener.close();
  listener.stop();
  expect(listener.state).toBe("closed");
});

test("it advertises what it is", () => {
  expect(new LocalListener(7, rpc, () => {}, 4).advert()).toEqual({
    kind: "rpc",
    listener: 7,
    exchange: "e",
    topic: "t",
    server: "s",
  });
  const address = { realm: "", exchange: "e", topic: "t" };
  const events = { kind: "events", address, priorities: ["info", "warn"], pool: "p" } as const;
  expect(new LocalListener(8, events, () => {}, 4).advert()).toEqual({
    kind: "events",
    listener: 8,
    exchange: "e",
    topic: "t",
    priorities: ["info", "warn"],
    pool: "p",
  });
});
