import { describe, expect, test } from "vitest";
import { Tick } from "../../src/link/tick.js";
import type { Line } from "../../src/routing/line.js";
import { type FakeListener, fakeListener, Note, seeded } from "../support/fake-listeners.js";
import { newLine } from "../support/lines.js";

interface Fleet {
  readonly line: Line;
  readonly members: readonly FakeListener[];
  send(): void;
  /** The oldest message of a member is answered. */
  answer(member: FakeListener): void;
  endTick(): void;
  readonly shares: number[];
}

function fleet(count: number, tokens: number, seed: number): Fleet {
  const tick = new Tick(() => 0);
  const random = seeded(seed);
  const line = newLine({ tick, random, bounds: { messages: 1e6, bytes: 1e9 } });
  const members = Array.from({ length: count }, () => fakeListener({ tokens }));
  for (const { listener } of members) line.join(listener);
  return {
    line,
    members,
    send: () => line.post(new Note(line, "n")),
    answer({ listener }) {
      if (listener.inFlight === 0) return;
      listener.inFlight--;
      listener.tokens++;
      line.pump();
    },
    endTick: () => void tick.epoch++,
    get shares() {
      return members.map(({ link }) => link.sent.length);
    },
  };
}

/** Each has at least a tenth of an even share (A2). */
function expectFair(shares: readonly number[], total: number): void {
  expect(shares.reduce((sum, share) => sum + share, 0)).toBe(total);
  expect(Math.min(...shares), `shares ${shares.join(", ")}`).toBeGreaterThanOrEqual(total / shares.length / 10);
}

describe.each([2, 3, 5, 10, 30])("of %i servers, each gets at least a tenth of an even share", (count) => {
  const total = 200 * count;

  test("with one message at a time", () => {
    const world = fleet(count, 8, 1);
    for (let n = 0; n < total; n++) {
      world.send();
      for (const member of world.members) world.answer(member);
      world.endTick();
    }
    expectFair(world.shares, total);
  });

  test("with ten under way", () => {
    const world = fleet(count, 64, 2);
    const random = seeded(3);
    for (let n = 0; n < 10; n++) world.send();
    for (let n = 10; n < total; n++) {
      world.endTick();
      const busy = world.members.filter(({ listener }) => listener.inFlight > 0);
      const member = busy[Math.floor(random() * busy.length)];
      if (member !== undefined) world.answer(member);
      world.send();
    }
    expectFair(world.shares, total);
  });

  test("in bursts of 200, each in one tick", () => {
    const world = fleet(count, 64, 4);
    const bursts = 10 * count;
    for (let burst = 0; burst < bursts; burst++) {
      for (let n = 0; n < 200; n++) world.send();
      world.endTick();
      while (world.members.some(({ listener }) => listener.inFlight > 0))
        for (const member of world.members) world.answer(member);
    }
    expect(world.line.size).toBe(0);
    expectFair(world.shares, 200 * bursts);
  });

  test("in bursts of 200 for little credit, of which most wait", () => {
    const world = fleet(count, 2, 5);
    for (let burst = 0; burst < count; burst++) {
      for (let n = 0; n < 200; n++) world.send();
      world.endTick();
      while (world.line.size > 0) for (const member of world.members) world.answer(member);
      for (const member of world.members) while (member.listener.inFlight > 0) world.answer(member);
    }
    expectFair(world.shares, total);
  });
});

test("of two at random the one with less under way is taken, so that a slow server gets less", () => {
  const world = fleet(2, 1_000, 6);
  const [slow, quick] = world.members as [FakeListener, FakeListener];
  for (let n = 0; n < 100; n++) {
    world.send();
    world.endTick();
    world.answer(quick);
  }
  expect(world.shares[0]).toBeLessThan(5);
  expect(slow.listener.inFlight).toBe(world.shares[0]);
});

test("one choice holds for 32 messages of a tick, and no longer than its tick", () => {
  const world = fleet(4, 1_000, 7);
  for (let n = 0; n < 32; n++) world.send();
  expect(world.shares.filter((share) => share > 0)).toEqual([32]);
  world.send();
  expect(world.shares.toSorted((a, b) => b - a)).toEqual([32, 1, 0, 0]);
  world.endTick();
  const before = world.shares;
  for (let n = 0; n < 8; n++) {
    world.send();
    world.endTick();
  }
  expect(world.shares.filter((share, index) => share > (before[index] ?? 0)).length).toBeGreaterThan(1);
});

test("a member that leaves or has no credit left is chosen no more in that tick", () => {
  const world = fleet(2, 3, 8);
  for (let n = 0; n < 6; n++) world.send();
  expect([world.shares, world.line.size]).toEqual([[3, 3], 0]);
  const other = fleet(2, 100, 9);
  other.send();
  const chosen = other.members.find(({ link }) => link.sent.length === 1) as FakeListener;
  other.line.leave(chosen.listener);
  other.send();
  expect(chosen.link.sent.length).toBe(1);
});
