import { MessageTooLargeError } from "@trunkline/core/driver";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Outbox } from "../../src/link/outbox.js";
import { Tick } from "../../src/link/tick.js";
import { FakeEngineLink } from "../support/fake-engine-link.js";

const KIB = 1024;
const MAX_BYTES = 1024 * KIB;

class World {
  readonly link: FakeEngineLink = new FakeEngineLink();
  flushes = 0;
  onFlush: () => void = () => {};
  readonly outbox: Outbox;

  constructor(maxMessageBytes = MAX_BYTES) {
    const owner = {
      beforeFlush: () => {
        this.flushes++;
        this.onFlush();
      },
    };
    this.outbox = new Outbox(new Tick(() => 0), owner, maxMessageBytes);
    this.outbox.connect(this.link);
  }

  /** A record of so many bytes, each of them `mark`. */
  write(bytes: number, mark = 1, isNumbered = false): void {
    this.outbox.begin().raw(new Uint8Array(bytes).fill(mark));
    this.outbox.commit(isNumbered);
  }

  get sizes(): number[] {
    return this.link.frames.map((frame) => frame.length);
  }

  get sent(): Buffer {
    return Buffer.concat(this.link.frames);
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("batches", () => {
  test("what is written in one turn leaves as one frame at its end", async () => {
    const world = new World();
    world.write(10);
    await Promise.resolve().then(() => world.write(10));
    expect(world.sizes).toEqual([]);
    await turn();
    expect(world.sizes).toEqual([20]);
    world.write(5);
    await turn();
    expect(world.sizes).toEqual([20, 5]);
    expect([world.outbox.framesSent, world.outbox.bytesSent]).toEqual([2, 25]);
  });

  test("what the owner writes when the turn ends travels in the same frame", async () => {
    const world = new World();
    world.onFlush = () => world.write(3, 2);
    world.write(4, 1);
    await turn();
    expect([...world.sent]).toEqual([1, 1, 1, 1, 2, 2, 2]);
    expect([world.sizes.length, world.flushes]).toEqual([1, 1]);
  });

  test("`schedule` alone asks the owner, and sends nothing where it has nothing to say", async () => {
    const world = new World();
    world.outbox.schedule();
    world.outbox.schedule();
    await turn();
    expect([world.flushes, world.sizes.length]).toEqual([1, 0]);
  });

  test("128 records are a frame", async () => {
    const world = new World();
    for (let record = 0; record < 300; record++) world.write(2);
    expect(world.sizes).toEqual([256, 256]);
    await turn();
    expect(world.sizes).toEqual([256, 256, 88]);
  });

  test("64 KiB are a frame, and no record is torn", async () => {
    const world = new World();
    for (let record = 1; record <= 100; record++) world.write(2_000, record);
    await turn();
    // The first slab is a small one.
    expect(world.sizes).toEqual([4_000, 64_000, 64_000, 64_000, 4_000]);
    const records = Array.from({ length: 100 }, (_, index) => Buffer.alloc(2_000, index + 1));
    expect(world.sent.equals(Buffer.concat(records))).toBe(true);
  });

  test("a record that outgrows a slab travels alone", async () => {
    const world = new World();
    world.write(10, 1);
    world.write(200 * KIB, 2);
    world.write(10, 3);
    await turn();
    expect(world.sizes).toEqual([10, 200 * KIB, 10]);
    expect(world.link.frames.map((frame) => frame[0])).toEqual([1, 2, 3]);
  });
});

test("the buffer of a large record is not kept", async () => {
  const world = new World();
  world.write(4_096 * KIB, 1);
  await turn();
  expect(world.outbox.writer.bytes.length).toBe(0);
});

test("64 KiB are a frame behind a large record, too", async () => {
  const world = new World();
  world.write(300 * KIB, 1);
  for (let record = 0; record < 100; record++) world.write(2_000, 2);
  await turn();
  expect(world.sizes[0]).toBe(300 * KIB);
  expect(Math.max(...world.sizes.slice(1))).toBeLessThanOrEqual(64 * KIB + 2_000);
});

describe("a record that fails", () => {
  test("leaves no trace, wherever it stopped", async () => {
    const record = fc.record({ bytes: fc.integer({ min: 1, max: 9_000 }), isKept: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(record, { maxLength: 40 }), async (records) => {
        const world = new World();
        const kept: Buffer[] = [];
        for (const [index, { bytes, isKept }] of records.entries()) {
          const mark = (index % 250) + 1;
          world.outbox.begin().raw(new Uint8Array(bytes).fill(mark));
          if (!isKept) world.outbox.rollback();
          else {
            world.outbox.commit(true);
            kept.push(Buffer.alloc(bytes, mark));
          }
        }
        await turn();
        expect(world.sent.equals(Buffer.concat(kept))).toBe(true);
        expect([world.outbox.sequence, world.outbox.handedOver]).toEqual([kept.length, kept.length]);
      }),
      { numRuns: 60 },
    );
  });

  test("for its size is refused by the bound of the message alone, and leaves no trace", async () => {
    const world = new World(1_000);
    const message = (bytes: number): void => {
      const writer = world.outbox.begin();
      writer.raw(new Uint8Array(100).fill(1));
      world.outbox.beginBody();
      writer.raw(new Uint8Array(bytes).fill(2));
      world.outbox.commit(true);
    };
    message(1_000);
    expect(() => message(1_001)).toThrow(MessageTooLargeError);
    await turn();
    expect([world.sizes, world.outbox.sequence]).toEqual([[1_100], 1]);
  });

  test("because it grew over the bound half-way leaves no trace either, though nobody rolls it back", async () => {
    const world = new World(10 * KIB);
    world.write(10, 1);
    const writer = world.outbox.begin();
    writer.raw(new Uint8Array(20).fill(2));
    world.outbox.beginBody();
    expect(() => writer.raw(new Uint8Array(100 * KIB))).toThrow(MessageTooLargeError);
    world.write(10, 3);
    await turn();
    expect([...world.sent]).toEqual([...new Array(10).fill(1), ...new Array(10).fill(3)]);
  });

  test("is never one without a message in it: marks, and what goes back", async () => {
    const world = new World(10);
    world.write(5_000);
    await turn();
    expect(world.sizes).toEqual([5_000]);
  });

  test("may be given some bytes that do not count", () => {
    const world = new World(10);
    const write = (bytes: number): void => {
      const writer = world.outbox.begin();
      world.outbox.beginBody(100);
      writer.raw(new Uint8Array(bytes));
      world.outbox.commit();
    };
    write(110);
    expect(() => write(111)).toThrow(MessageTooLargeError);
  });

  test("takes the bound of the other side where that is lower", () => {
    const world = new World(1_000);
    world.outbox.maxMessageBytes = 10;
    const writer = world.outbox.begin();
    world.outbox.beginBody();
    writer.raw(new Uint8Array(11));
    expect(() => world.outbox.commit()).toThrow(/larger than 10 bytes/);
  });
});

describe("an engine without room", () => {
  test("gets the frames later, in order, and what was written meanwhile behind them", async () => {
    const world = new World();
    world.link.room = 1;
    for (const mark of [1, 2, 3]) {
      world.write(5, mark, true);
      await turn();
    }
    expect([world.sizes.length, world.outbox.isChoked]).toEqual([1, true]);
    expect([world.outbox.sequence, world.outbox.handedOver]).toEqual([3, 1]);
    world.link.room = 1;
    expect(world.outbox.drain()).toBe(false);
    expect([world.outbox.isChoked, world.outbox.handedOver]).toEqual([true, 2]);
    world.write(5, 4, true);
    await turn();
    expect(world.sizes.length).toBe(2);
    world.link.room = 10;
    expect(world.outbox.drain()).toBe(true);
    expect([world.outbox.isChoked, world.outbox.handedOver]).toEqual([false, 4]);
    expect(world.link.frames.map((frame) => frame[0])).toEqual([1, 2, 3, 4]);
    world.write(5, 5, true);
    await turn();
    expect(world.link.frames.map((frame) => frame[0])).toEqual([1, 2, 3, 4, 5]);
  });

  test("no frame overtakes: one that is offered again first comes first, though there is room", async () => {
    const world = new World();
    world.link.room = 0;
    world.write(5, 1);
    await turn();
    world.link.room = 10;
    world.write(5, 2);
    await turn();
    expect(world.sizes).toEqual([]);
    world.outbox.drain();
    expect(world.link.frames.map((frame) => frame[0])).toEqual([1, 2]);
  });

  test("gives back what it never took, and what is no frame yet, in order and once", async () => {
    const world = new World();
    world.link.room = 1;
    for (const mark of [1, 2, 3]) {
      world.write(5, mark, true);
      await turn();
    }
    world.write(5, 4, true);
    const unsent = world.outbox.takeUnsent();
    expect(unsent.map((frame) => [frame[0], frame.length])).toEqual([
      [2, 5],
      [3, 5],
      [4, 5],
    ]);
    expect(world.outbox.handedOver).toBe(1);
    expect(world.outbox.takeUnsent()).toEqual([]);
    await turn();
    expect(world.sizes.length).toBe(1);
    expect(world.outbox.writer.bytes.length).toBe(0);
  });

  test("before there is a link, everything waits", async () => {
    const outbox = new Outbox(new Tick(() => 0), { beforeFlush() {} }, MAX_BYTES);
    outbox.begin().u8(7);
    outbox.commit(true);
    await turn();
    expect([outbox.isChoked, outbox.handedOver, outbox.drain()]).toEqual([true, 0, false]);
    const link = new FakeEngineLink();
    outbox.connect(link);
    expect(outbox.drain()).toBe(true);
    expect(link.frames.map((frame) => [...frame])).toEqual([[7]]);
  });
});

test("bytes that were handed out are never written again, whatever is written later", async () => {
  const step = fc.oneof(
    fc.record({ type: fc.constant("write" as const), bytes: fc.integer({ min: 1, max: 30_000 }) }),
    fc.record({ type: fc.constant("fail" as const), bytes: fc.integer({ min: 1, max: 30_000 }) }),
    fc.constant({ type: "turn" as const, bytes: 0 }),
    fc.constant({ type: "choke" as const, bytes: 0 }),
    fc.constant({ type: "drain" as const, bytes: 0 }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const world = new World();
      const expected: Buffer[] = [];
      for (const [index, { type, bytes }] of steps.entries()) {
        const mark = (index % 250) + 1;
        if (type === "turn") await turn();
        else if (type === "choke") world.link.room = 1;
        else if (type === "drain") {
          world.link.room = Number.POSITIVE_INFINITY;
          world.outbox.drain();
        } else {
          world.outbox.begin().raw(new Uint8Array(bytes).fill(mark));
          if (type === "fail") world.outbox.rollback();
          else {
            world.outbox.commit();
            expected.push(Buffer.alloc(bytes, mark));
          }
        }
      }
      await turn();
      world.link.room = Number.POSITIVE_INFINITY;
      world.outbox.drain();
      expect(world.link.frames.every((frame, index) => world.link.copies[index]?.equals(frame))).toBe(true);
      expect(world.sent.equals(Buffer.concat(expected))).toBe(true);
    }),
    { numRuns: 60 },
  );
});
