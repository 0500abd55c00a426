import { expect, test } from "vitest";
import { BodyPool, LEAST_POOLED_BYTES, pooledRoom } from "../../src/zmtp/body-pool.js";
import { FrameParser } from "../../src/zmtp/frame-parser.js";
import { frameBytes } from "../support/zmtp-bytes.js";

const MIB = 1024 * 1024;

/** What a parser tells, copied when it is told, and the buffers that it was in. */
function parserOver(pool: BodyPool) {
  const bodies: Buffer[] = [];
  const memories: ArrayBufferLike[] = [];
  const sink = {
    maxFrameBytes: 16 * MIB,
    maxCommandBytes: 4_096,
    onCommand(): void {},
    onMessageFrame(body: Buffer): void {
      bodies.push(Buffer.from(body));
      memories.push(body.buffer);
    },
  };
  const parser = new FrameParser(sink, pool);
  const push = (bytes: Buffer, step = 60_000): void => {
    for (let at = 0; at < bytes.length; at += step) parser.push(bytes.subarray(at, at + step));
  };
  return { parser, bodies, memories, push };
}

test("large frames, one after another, are gathered in one buffer; each is told as it was sent", () => {
  const pool = new BodyPool();
  const { bodies, memories, push } = parserOver(pool);
  const sent = [MIB, MIB - 5_000, 200_000, MIB].map((size, i) => Buffer.alloc(size, i + 1));
  push(Buffer.concat(sent.map((body) => frameBytes(body))));
  expect(bodies.map((body, i) => body.equals(sent[i] ?? Buffer.of()))).toEqual([true, true, true, true]);
  expect(new Set(memories).size).toBe(1);
});

test("frames that are gathered at the same time share nothing", () => {
  const pool = new BodyPool();
  const seed = parserOver(pool);
  seed.push(frameBytes(Buffer.alloc(MIB, 9)));
  const parsers = [parserOver(pool), parserOver(pool)];
  const frames = parsers.map((_, i) => frameBytes(Buffer.alloc(MIB, i + 1)));
  for (let at = 0; at < (frames[0]?.length ?? 0); at += 60_000) {
    for (const [i, { parser }] of parsers.entries()) parser.push(frames[i]?.subarray(at, at + 60_000) ?? Buffer.of());
  }
  for (const [i, { bodies }] of parsers.entries()) expect(bodies[0]?.equals(Buffer.alloc(MIB, i + 1))).toBe(true);
});

test("a frame with more behind it is not gathered in the pool: it is kept until the last has come", () => {
  const pool = new BodyPool();
  const { memories, push } = parserOver(pool);
  push(
    Buffer.concat([
      frameBytes(Buffer.alloc(MIB, 1)),
      frameBytes(Buffer.alloc(MIB, 2), 1),
      frameBytes(Buffer.alloc(MIB, 3)),
    ]),
  );
  expect(memories[1]).not.toBe(memories[0]);
  expect(memories[2]).toBe(memories[0]);
});

test("a parser that is stopped within a frame gives its buffer back", () => {
  const pool = new BodyPool();
  parserOver(pool).push(frameBytes(Buffer.alloc(MIB, 1)));
  const { bytes } = pool;
  const { parser } = parserOver(pool);
  parser.push(frameBytes(Buffer.alloc(MIB, 2)).subarray(0, 100));
  expect(pool.bytes).toBe(0);
  parser.stop();
  parser.stop();
  expect(pool.bytes).toBe(bytes);
});

test("what the pool keeps is bounded, each and together", () => {
  const pool = new BodyPool();
  for (const size of [LEAST_POOLED_BYTES - 1, 4 * MIB + 1]) pool.give(Buffer.allocUnsafeSlow(size));
  expect(pool.bytes).toBe(0);
  for (let i = 0; i < 100; i++) pool.give(Buffer.allocUnsafeSlow(MIB));
  expect(pool.bytes).toBe(8 * MIB);
  expect(pool.take(4 * MIB)).toBeUndefined();
  for (let i = 0; i < 100; i++) pool.give(Buffer.allocUnsafeSlow(LEAST_POOLED_BYTES));
  expect(pool.bytes).toBe(32 * LEAST_POOLED_BYTES);
});

test("the smallest buffer with room is taken, and is nobody else's then", () => {
  const pool = new BodyPool();
  for (const mib of [3, 1, 2]) pool.give(Buffer.allocUnsafeSlow(mib * MIB));
  expect([1.5, 1.5, 1.5, 0.5].map((mib) => pool.take(mib * MIB)?.length)).toEqual([2 * MIB, 3 * MIB, undefined, MIB]);
  expect(pool.bytes).toBe(0);
});

test("bodies of about the same size are given the same room", () => {
  expect(pooledRoom(MIB - 1)).toBe(MIB);
  expect(pooledRoom(MIB)).toBe(MIB);
  expect(pooledRoom(MIB + 1)).toBe(MIB + 64 * 1024);
  expect(pooledRoom(100)).toBe(100);
  expect(pooledRoom(5 * MIB + 1)).toBe(5 * MIB + 1);
});
