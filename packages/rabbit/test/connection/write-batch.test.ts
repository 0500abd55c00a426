import type { ChannelModel } from "amqplib";
import { expect, test } from "vitest";
import { WriteBatch } from "../../src/connection/write-batch.js";

/** A model whose socket tells what is done to it. */
function batchOn(stream: unknown): WriteBatch {
  // Of the model the batch reads the socket alone.
  return new WriteBatch({ connection: { stream } } as unknown as ChannelModel);
}

function socket(): { readonly told: string[]; cork(): void; uncork(): void } {
  const told: string[] = [];
  return { told, cork: () => told.push("cork"), uncork: () => told.push("uncork") };
}

const nextImmediate = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("what is written in one turn, and the library's frames of it, go between one cork and one uncork", async () => {
  const stream = socket();
  const batch = batchOn(stream);
  batch.open();
  // As the library does with the frames of this turn.
  setImmediate(() => stream.told.push("frames"));
  batch.open();
  batch.open();
  expect(stream.told).toEqual(["cork"]);
  await nextImmediate();
  expect(stream.told).toEqual(["cork", "frames"]);
  await nextImmediate();
  expect(stream.told).toEqual(["cork", "frames", "uncork"]);
});

test("the next turn has a batch of its own", async () => {
  const stream = socket();
  const batch = batchOn(stream);
  for (let turn = 0; turn < 2; turn++) {
    batch.open();
    await nextImmediate();
    await nextImmediate();
  }
  expect(stream.told).toEqual(["cork", "uncork", "cork", "uncork"]);
});

test.each([undefined, null, "socket", {}, { cork: () => {} }, { cork: true, uncork: true }])(
  "a library that has another socket, or none (%j), writes as it does",
  async (stream) => {
    const batch = batchOn(stream);
    expect(() => batch.open()).not.toThrow();
    await nextImmediate();
    await nextImmediate();
  },
);
