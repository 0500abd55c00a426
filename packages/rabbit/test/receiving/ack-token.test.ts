import { ManualClock } from "@trunkline/core/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AckToken } from "../../src/receiving/ack-token.js";
import { BrokerChannel } from "../support/broker-channel.js";

function tokenOn(delivered: number): {
  readonly broker: BrokerChannel;
  readonly token: AckToken;
  readonly clock: ManualClock;
  gathered(): number;
} {
  const broker = new BrokerChannel();
  for (let count = 0; count < delivered; count++) broker.deliver();
  const clock = new ManualClock();
  let gathered = 0;
  const session = {
    gather(): void {
      gathered += 1;
    },
  };
  return { broker, token: new AckToken(broker.channel, session, clock), clock, gathered: () => gathered };
}

const nextImmediate = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("acknowledgements of one turn go together", () => {
  test("many in a row by one frame, whatever the order in which they were given", async () => {
    const { broker, token, gathered } = tokenOn(5);
    for (const tag of [3, 1, 2, 5]) token.ack(tag);
    expect(broker.frames).toEqual([]);
    await nextImmediate();
    expect(broker.frames).toEqual(["ack to 3", "ack 5"]);
    expect(gathered()).toBe(2);
    token.ack(4);
    await nextImmediate();
    expect(broker.frames).toEqual(["ack to 3", "ack 5", "ack 4"]);
    for (const tag of [broker.deliver(), broker.deliver()]) token.ack(tag);
    await nextImmediate();
    expect(broker.frames.slice(3)).toEqual(["ack to 7"]);
  });

  test("one alone by one of its own", async () => {
    const { broker, token } = tokenOn(1);
    token.ack(1);
    await nextImmediate();
    expect(broker.frames).toEqual(["ack 1"]);
  });

  test("what is still held is never taken along", async () => {
    const { broker, token } = tokenOn(4);
    token.ack(2);
    token.ack(3);
    token.ack(4);
    await nextImmediate();
    expect([broker.tagsOf("held"), broker.tagsOf("acked")]).toEqual([[1], [2, 3, 4]]);
    token.ack(1);
    broker.deliver();
    token.ack(5);
    await nextImmediate();
    expect(broker.frames.slice(3)).toEqual(["ack 1", "ack 5"]);
  });

  test("a flush tells at once, and once", async () => {
    const { broker, token } = tokenOn(2);
    token.ack(1);
    token.ack(2);
    token.flush();
    token.flush();
    await nextImmediate();
    expect(broker.frames).toEqual(["ack to 2"]);
  });
});

describe("those that nobody waits for", () => {
  test("are told within five ms", async () => {
    const { broker, token, clock } = tokenOn(3);
    for (const tag of [1, 2, 3]) token.ackSoon(tag, 100);
    await nextImmediate();
    clock.advance(4.9);
    expect(broker.frames).toEqual([]);
    clock.advance(0.1);
    expect(broker.frames).toEqual(["ack to 3"]);
    expect(clock.timers).toBe(0);
  });

  test("or as soon as there are so many of them", async () => {
    const { broker, token, clock } = tokenOn(3);
    for (const tag of [1, 2, 3]) token.ackSoon(tag, 3);
    await nextImmediate();
    expect(broker.frames).toEqual(["ack to 3"]);
    expect(clock.timers).toBe(0);
  });

  test("or with one that is told anyway", async () => {
    const { broker, token, clock } = tokenOn(3);
    token.ackSoon(1, 100);
    token.ack(2);
    token.ackSoon(3, 100);
    await nextImmediate();
    expect(broker.frames).toEqual(["ack to 3"]);
    expect(clock.timers).toBe(0);
  });

  test("one at a time is at the end of the turn", async () => {
    const { broker, token, clock } = tokenOn(1);
    token.ackSoon(1, 1);
    expect(clock.timers).toBe(0);
    await nextImmediate();
    expect(broker.frames).toEqual(["ack 1"]);
  });
});

test("what is refused is told at once, behind what was acknowledged before", () => {
  const { broker, token } = tokenOn(4);
  token.ack(1);
  token.reject(2);
  token.ack(3);
  token.giveBack(4);
  expect(broker.frames).toEqual(["ack 1", "reject 2", "ack 3", "requeue 4"]);
});

describe("a channel that has ended", () => {
  test("is told nothing more", async () => {
    const { broker, token, clock } = tokenOn(6);
    token.ack(1);
    token.ackSoon(2, 100);
    expect(token.isOpen).toBe(true);
    token.ended();
    expect([token.isOpen, clock.timers]).toEqual([false, 0]);
    token.ack(3);
    token.ackSoon(4, 1);
    token.reject(5);
    token.giveBack(6);
    token.flush();
    await nextImmediate();
    clock.advance(1_000);
    expect(broker.frames).toEqual([]);
  });

  test("a timer that was set stays off", () => {
    const { broker, token, clock } = tokenOn(1);
    token.ackSoon(1, 100);
    token.ended();
    clock.advance(1_000);
    expect(broker.frames).toEqual([]);
  });
});

describe("whether the broker has heard", () => {
  test("is known when it answers what was written behind", async () => {
    const { broker, token } = tokenOn(2);
    token.ack(1);
    token.ack(2);
    let isHeard = false;
    const heard = token.heard(40).then(() => {
      isHeard = true;
    });
    expect(broker.frames).toEqual(["ack to 2", "prefetch 40"]);
    await nextImmediate();
    expect(isHeard).toBe(false);
    broker.asked[0]?.answer();
    await heard;
    expect(isHeard).toBe(true);
  });

  test("is not where the channel ends first", async () => {
    const { broker, token } = tokenOn(1);
    token.ack(1);
    const heard = token.heard(40);
    broker.asked[0]?.fail(new Error("channel closed"));
    await expect(heard).rejects.toThrow("channel closed");
  });
});

test("whatever the order of verdicts, the broker hears each once, and no other", async () => {
  const step = fc.record({
    verdict: fc.constantFrom("ack", "soon", "reject", "giveBack", "flush", "time", "deliver"),
    which: fc.nat(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const { broker, token, clock } = tokenOn(5);
      const open = [1, 2, 3, 4, 5];
      const wanted = new Map<number, string>();
      for (const { verdict, which } of steps) {
        if (verdict === "deliver") open.push(broker.deliver());
        else if (verdict === "flush") token.flush();
        else if (verdict === "time") await clock.tick(10);
        else {
          const [tag] = open.splice(which % Math.max(1, open.length), 1);
          if (tag === undefined) continue;
          if (verdict === "ack") token.ack(tag);
          else if (verdict === "soon") token.ackSoon(tag, 1 + (which % 4));
          else if (verdict === "reject") token.reject(tag);
          else token.giveBack(tag);
          wanted.set(tag, verdict === "reject" ? "rejected" : verdict === "giveBack" ? "requeued" : "acked");
        }
        for (const tag of open) expect(broker.fates.get(tag)).toBe("held");
      }
      await clock.tick(10);
      for (const [tag, fate] of broker.fates) expect(fate, `tag ${tag}`).toBe(wanted.get(tag) ?? "held");
    }),
  );
});
