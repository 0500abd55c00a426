import { AbortError, ConnectionLostError, type MessagingError, OverloadedError } from "@trunkline/core/driver";
import { ManualClock } from "@trunkline/core/testing";
import { describe, expect, test } from "vitest";
import { PendingSend, type SendKind } from "../../src/sending/pending-send.js";
import { Repeats } from "../../src/sending/repeats.js";
import { SendBudget } from "../../src/sending/send-budget.js";
import { routeTo } from "../support/messages.js";
import { FakeSendChannel } from "../support/send-channel.js";

const lost: MessagingError = new ConnectionLostError("lost", true);
const KINDS: readonly SendKind[] = ["cast", "fanout", "event"];

function sent(kind: SendKind): {
  readonly send: PendingSend;
  readonly channel: FakeSendChannel;
  readonly clock: ManualClock;
  readonly budget: SendBudget;
  readonly told: unknown[];
} {
  const clock = new ManualClock();
  const channel = new FakeSendChannel();
  const budget = new SendBudget({ messages: 10, bytes: 1_000 });
  const told: unknown[] = [];
  const send = new PendingSend({
    kind,
    message: { route: routeTo("q"), id: "id-1", body: Buffer.alloc(40), properties: () => ({}) },
    channel: () => channel.channel,
    budget,
    repeats: new Repeats(clock, () => 1),
    resolve: (receipt) => told.push(receipt),
    reject: (error) => told.push(error.name),
    warn: () => told.push("warning"),
  });
  send.start();
  return { send, channel, clock, budget, told };
}

test.each(KINDS)("a %s is accepted when the broker has it, and told once", (kind) => {
  const { send, budget, told } = sent(kind);
  expect(budget.bytes).toBe(40);
  send.confirmed();
  send.confirmed();
  send.failed(lost);
  send.returned();
  send.doubtful(lost);
  send.refused();
  send.cancel(() => new AbortError("late"));
  expect(told).toEqual([{ accepted: 1, lost: 0 }]);
  expect([budget.messages, budget.bytes]).toEqual([0, 0]);
});

describe("the connection is lost before the broker's word", () => {
  test("a cast may have run, and does not run twice", () => {
    const { send, channel, told } = sent("cast");
    send.doubtful(lost);
    expect([channel.pushed.length, told]).toEqual([1, ["ConnectionLostError"]]);
  });

  test.each(["fanout", "event"] as const)("a %s goes again under its own id", (kind) => {
    const { send, channel, told } = sent(kind);
    send.doubtful(lost);
    expect(channel.pushed.map(({ id }) => id)).toEqual(["id-1", "id-1"]);
    expect(told).toEqual([]);
  });
});

describe("a queue is full", () => {
  test("a cast is offered again until its time is over", () => {
    const { send, channel, clock, told } = sent("cast");
    send.refused();
    clock.advance(20);
    expect(channel.pushed).toHaveLength(2);
    send.refused();
    send.cancel((wait) => new OverloadedError(wait));
    expect([told, clock.timers]).toEqual([["OverloadedError"], 0]);
  });

  test("a fanout has reached the others", () => {
    const { send, told } = sent("fanout");
    send.refused();
    expect(told).toEqual(["warning", { accepted: 1, lost: 1 }]);
  });

  test("an event is offered four times more, under its own id, and then refused", () => {
    const { send, channel, clock, told } = sent("event");
    for (let offered = 1; offered <= 5; offered++) {
      expect([channel.pushed.length, told]).toEqual([offered, []]);
      send.refused();
      clock.advance(5_000);
    }
    expect([channel.pushed.length, told]).toEqual([5, ["OverloadedError"]]);
    expect(new Set(channel.pushed.map(({ id }) => id))).toEqual(new Set(["id-1"]));
  });
});

describe("what was in doubt once stays so, since the broker may have it", () => {
  test("an event or a fanout that fails then says that it may have been taken", () => {
    for (const kind of ["event", "fanout"] as const) {
      const { send, told } = sent(kind);
      send.doubtful(lost);
      send.returned();
      expect(told).toEqual(["ConnectionLostError"]);
    }
  });

  test("one that is given up then may have been sent", () => {
    const { send, told } = sent("event");
    send.doubtful(lost);
    let seen = "nothing";
    send.cancel((wait) => {
      seen = wait;
      return new AbortError("given up");
    });
    expect([seen, told]).toEqual(["sent", ["AbortError"]]);
  });

  test("the broker's word after all is its word", () => {
    const { send, told } = sent("event");
    send.doubtful(lost);
    send.confirmed();
    expect(told).toEqual([{ accepted: 1, lost: 0 }]);
  });
});

test("nobody has ever listened", () => {
  const { send, told } = sent("cast");
  send.returned();
  expect(told).toEqual(["UnreachableError"]);
});

describe("given up, it says what was in the way", () => {
  const waitOf = ({ send }: ReturnType<typeof sent>): string => {
    let seen = "nothing";
    send.cancel((wait) => {
      seen = wait;
      return new AbortError("given up");
    });
    return seen;
  };

  test("it waited", () => {
    const world = sent("cast");
    world.channel.obstacle = "no-room";
    expect(waitOf(world)).toBe("no-room");
    expect(world.told).toEqual(["AbortError"]);
    expect(world.budget.messages).toBe(0);
  });

  test("its queue was full", () => {
    const world = sent("cast");
    world.send.refused();
    expect(waitOf(world)).toBe("no-room");
  });

  test("it was written: nobody knows", () => {
    const world = sent("event");
    world.channel.write();
    expect(waitOf(world)).toBe("sent");
    expect(world.channel.forgotten).toEqual([world.send]);
    expect(waitOf(world)).toBe("nothing");
  });
});
