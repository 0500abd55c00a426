import {
  type CancelReason,
  ConnectionLostError,
  type MessagingError,
  type Outcome,
  OverloadedError,
  UnreachableError,
} from "@trunkline/core/driver";
import { ManualClock } from "@trunkline/core/testing";
import { describe, expect, test } from "vitest";
import { PendingCall } from "../../src/sending/pending-call.js";
import { Repeats } from "../../src/sending/repeats.js";
import { SendBudget } from "../../src/sending/send-budget.js";
import { routeTo } from "../support/messages.js";
import { FakeSendChannel } from "../support/send-channel.js";

const lost: MessagingError = new ConnectionLostError("lost", true);
const RESULT: Outcome = { ok: true, value: 5 };

function called(): {
  readonly call: PendingCall;
  readonly channel: FakeSendChannel;
  readonly clock: ManualClock;
  readonly budget: SendBudget;
  /** What the caller was told, and the table of calls. */
  readonly told: unknown[];
} {
  const clock = new ManualClock();
  const channel = new FakeSendChannel();
  const budget = new SendBudget({ messages: 10, bytes: 1_000 });
  const told: unknown[] = [];
  const call = new PendingCall({
    message: { route: routeTo("q"), id: "id-1", body: Buffer.alloc(40), properties: () => ({ expiration: 5 }) },
    sink: {
      accepted: () => told.push("accepted"),
      beat: () => told.push("beat"),
      item: () => told.push("item"),
      end: (outcome) => told.push(outcome),
      lost: (error, mayHaveRun) => told.push([error.name, mayHaveRun]),
    },
    channel: () => channel.channel,
    budget,
    repeats: new Repeats(clock, () => 1),
    onEnd: () => told.push("end"),
    onCancel: (_call, reason) => told.push(`cancel: ${reason}`),
  });
  return { call, channel, clock, budget, told };
}

/** A call that is with the broker. */
function confirmed(): ReturnType<typeof called> {
  const world = called();
  world.call.start();
  world.channel.write();
  world.channel.written.clear();
  world.call.confirmed();
  return world;
}

test("it is written when replies can come, once, and as its message says", () => {
  const { call, channel, told } = called();
  expect(channel.pushed).toEqual([]);
  call.start();
  expect(channel.pushed).toEqual([call]);
  expect([call.id, call.route.key, call.body.length, call.properties()]).toEqual(["id-1", "q", 40, { expiration: 5 }]);
  expect(told).toEqual([]);
});

describe("room", () => {
  test("is taken until the broker has it", () => {
    const { call, budget } = called();
    expect([budget.messages, budget.bytes]).toEqual([1, 40]);
    call.start();
    expect(budget.messages).toBe(1);
    expect(call.isConfirmed).toBe(false);
    call.confirmed();
    expect([budget.messages, budget.bytes, call.isConfirmed]).toEqual([0, 0, true]);
    call.replied({ kind: "end", outcome: RESULT });
    expect(budget.messages).toBe(0);
  });

  test("or until it has ended, however that comes", () => {
    for (const end of [
      (call: PendingCall) => call.failed(lost),
      (call: PendingCall) => call.doubtful(lost),
      (call: PendingCall) => call.returned(),
      (call: PendingCall) => call.cancel("aborted"),
      (call: PendingCall) => call.replied({ kind: "end", outcome: RESULT }),
    ]) {
      const { call, budget } = called();
      call.start();
      end(call);
      call.confirmed();
      expect([budget.messages, budget.bytes]).toEqual([0, 0]);
    }
  });

  test("that is not there refuses the call", () => {
    const budget = new SendBudget({ messages: 1, bytes: 1_000 });
    budget.take(1);
    const parts = { message: { body: Buffer.alloc(1) }, budget };
    expect(() => new PendingCall(parts as never)).toThrow(OverloadedError);
  });
});

describe("what a server says", () => {
  test("ends the call once, and nothing is told after it", () => {
    const { call, told } = confirmed();
    call.replied({ kind: "beat" });
    call.replied({ kind: "end", outcome: RESULT });
    call.replied({ kind: "end", outcome: { ok: true, value: "late" } });
    call.replied({ kind: "lost", message: "late", mayHaveRun: true });
    call.doubtful(lost);
    call.returned();
    call.failed(lost);
    expect(told).toEqual(["beat", "end", RESULT]);
  });

  test("a reply that is there before the broker's word counts", () => {
    const { call, told } = called();
    call.start();
    call.replied({ kind: "end", outcome: RESULT });
    call.confirmed();
    expect(told).toEqual(["end", RESULT]);
    expect(call.isConfirmed).toBe(false);
  });

  test("a loss says whether it may have run", () => {
    for (const mayHaveRun of [true, false]) {
      const { call, told } = confirmed();
      call.replied({ kind: "lost", message: "the server is gone", mayHaveRun });
      expect(told).toEqual(["end", ["ConnectionLostError", mayHaveRun]]);
    }
  });

  test("a result before the end counts where the end has none", () => {
    const partial: Outcome = { ok: true, value: "early" };
    const ends: [Outcome, Outcome][] = [
      [{ ok: true, value: null }, partial],
      [RESULT, RESULT],
      [
        { ok: false, failure: { type: "E", message: "m" } },
        { ok: false, failure: { type: "E", message: "m" } },
      ],
    ];
    for (const [last, whole] of ends) {
      const { call, told } = confirmed();
      call.replied({ kind: "partial", outcome: { ok: true, value: "earlier" } });
      call.replied({ kind: "partial", outcome: partial });
      call.replied({ kind: "end", outcome: last });
      expect(told).toEqual(["end", whole]);
    }
  });
});

describe("what the broker says", () => {
  test("nobody listens: it certainly has not run", () => {
    const { call, told } = called();
    call.start();
    call.returned();
    expect(told).toEqual(["end", ["UnreachableError", false]]);
    expect(new UnreachableError("x").name).toBe("UnreachableError");
  });

  test("a full queue: it is offered again after a pause, unless it has ended", () => {
    const { call, channel, clock, told } = called();
    call.start();
    call.refused();
    expect(channel.pushed).toHaveLength(1);
    clock.advance(20);
    expect(channel.pushed).toEqual([call, call]);
    call.refused();
    call.cancel("deadline");
    clock.advance(5_000);
    call.refused();
    clock.advance(5_000);
    expect([channel.pushed.length, clock.timers]).toEqual([2, 0]);
    expect(told).toEqual(["end"]);
  });

  test("never written: it has not run; no word: it may have", () => {
    const unwritten = called();
    unwritten.call.start();
    unwritten.call.failed(lost);
    expect(unwritten.told).toEqual(["end", ["ConnectionLostError", false]]);
    const doubtful = called();
    doubtful.call.start();
    doubtful.call.doubtful(lost);
    // It is never written a second time.
    expect(doubtful.channel.pushed).toHaveLength(1);
    expect(doubtful.told).toEqual(["end", ["ConnectionLostError", true]]);
  });
});

describe("given up, it says what was in the way", () => {
  const wait = (world: ReturnType<typeof called>, reason: CancelReason = "aborted"): unknown =>
    world.call.cancel(reason);

  test("replies could not come", () => {
    const world = called();
    expect(wait(world)).toBe("no-connection");
    world.call.start();
    expect(world.channel.pushed).toEqual([]);
    expect(world.told).toEqual(["end"]);
  });

  test.each(["no-connection", "no-room"] as const)("it waited to be written: %s", (obstacle) => {
    const world = called();
    world.call.start();
    world.channel.obstacle = obstacle;
    expect(wait(world)).toBe(obstacle);
    expect([world.told, world.channel.forgotten]).toEqual([["end"], []]);
  });

  test("its queue was full", () => {
    const world = called();
    world.call.start();
    world.call.refused();
    expect(wait(world)).toBe("no-room");
    expect(world.clock.timers).toBe(0);
  });

  test("nothing: it was written, and its server is told, but at the deadline, which it knows", () => {
    for (const [reason, notice] of [
      ["aborted", ["cancel: aborted"]],
      ["closed", ["cancel: closed"]],
      ["deadline", []],
    ] as const) {
      const world = called();
      world.call.start();
      world.channel.write();
      expect(wait(world, reason)).toBe("sent");
      expect(world.channel.forgotten).toEqual([world.call]);
      expect(world.told).toEqual(["end", ...notice]);
      const later = confirmed();
      expect(wait(later, reason)).toBe("sent");
      expect(later.channel.forgotten).toEqual([]);
      expect(later.told).toEqual(["end", ...notice]);
    }
  });

  test("twice, or after its end, is harmless", () => {
    const world = confirmed();
    wait(world);
    wait(world);
    expect(world.told).toEqual(["end", "cancel: aborted"]);
    world.call.replied({ kind: "end", outcome: RESULT });
    expect(world.told).toHaveLength(2);
  });
});
