import { expect, test } from "vitest";
import { PendingSends } from "../../src/link/pending-sends.js";
import { salvage } from "../../src/link/salvage.js";
import { SlotTable } from "../../src/link/slots.js";
import type { Outgoing, OutgoingCall } from "../../src/routing/outgoing.js";
import { HAS_CONTEXT, HAS_HEADERS } from "../../src/wire/record-types.js";
import { written } from "../support/bytes.js";
import { anEvent, newCall, newCast, newEvent, newLine } from "../support/lines.js";
import { type RequestRecord, writeRequestRecord } from "../support/request-records.js";

const line = newLine();
const nothing = { context: {}, headers: {} };

class World {
  readonly calls: SlotTable<OutgoingCall> = new SlotTable();
  readonly sends: PendingSends = new PendingSends();
  sequence = 0;

  sent<Message extends Outgoing>(message: Message): Message {
    message.state = "sent";
    message.body = undefined;
    message.sequence = ++this.sequence;
    return message;
  }

  call(): OutgoingCall {
    const call = this.sent(newCall(line, {}).call);
    call.slot = this.calls.take(call);
    call.generation = this.calls.generation(call.slot);
    return call;
  }

  salvage(frames: readonly (readonly RequestRecord[])[], handedOver: number): Outgoing[] {
    const bytes = frames.map((records) =>
      written((writer) => {
        for (const record of records) writeRequestRecord(writer, record);
      }),
    );
    return salvage(bytes, handedOver, this.calls, this.sends, undefined);
  }
}

const callRecord = (call: OutgoingCall, params: object, part: Partial<typeof nothing> = {}): RequestRecord => ({
  type: "CALL",
  slot: call.slot,
  generation: call.generation,
  route: 1,
  timeoutMs: 5,
  monitorMs: 9,
  body: { params: params as never, ...nothing, ...part },
});

test("messages come out in the order sent, each with its own body and flags, and no monitor time", () => {
  const world = new World();
  const handed = world.call();
  const first = world.call();
  const cast = world.sent(newCast(line).cast);
  world.sends.push(cast);
  const event = world.sent(newEvent(line).event);
  world.sends.push(event);
  const saved = world.salvage(
    [
      [
        { type: "NOTED", adverts: 1 },
        {
          type: "ROUTE",
          id: 1,
          listener: 1,
          names: { mode: "topic", namespace: undefined, version: undefined, method: "m" },
        },
        callRecord(first, { a: 1 }, { context: { u: 1 } }),
        { type: "CAST", route: 1, body: { params: { b: 2 }, ...nothing, headers: { h: "x" } } },
      ],
      [
        { type: "WANT", listener: 1, messages: 2 },
        { type: "EVENT", listener: 1, attempt: 1, priority: "info", body: { ...anEvent, payload: 3 } },
        { type: "PING" },
        { type: "BYE" },
      ],
    ],
    handed.sequence,
  );
  expect(saved).toEqual([first, cast, event]);
  expect(saved.map(({ flags }) => flags)).toEqual([HAS_CONTEXT, HAS_HEADERS, 0]);
  const bodyOf = (write: Parameters<typeof written>[0]): Buffer => written(write);
  const texts =
    (...names: string[]): ((writer: Parameters<Parameters<typeof written>[0]>[0]) => void) =>
    (writer) => {
      for (const name of names) writer.text(name);
      writer.value(3);
    };
  expect(saved.map(({ body }) => Buffer.from(body ?? []))).toEqual([
    bodyOf((writer) => {
      writer.value({ a: 1 });
      writer.value({ u: 1 });
    }),
    bodyOf((writer) => {
      writer.value({ b: 2 });
      writer.value({ h: "x" });
    }),
    bodyOf(texts(anEvent.id, anEvent.publisherId, anEvent.eventType, anEvent.timestamp)),
  ]);
  expect(handed.body).toBeUndefined();
});

test("what nobody waits for any more is left out, and those behind it keep their numbers", () => {
  const world = new World();
  const cancelled = world.call();
  const settled = world.sent(newCast(line).cast);
  world.sends.push(settled);
  const kept = world.call();
  const record = callRecord(cancelled, { a: 1 });
  world.calls.release(cancelled.slot);
  cancelled.state = "settled";
  settled.state = "settled";
  const saved = world.salvage(
    [[record, { type: "CAST", route: 1, body: { params: {}, ...nothing } }, callRecord(kept, { b: 2 })]],
    0,
  );
  expect(saved).toEqual([kept]);
});

test("a slot's former use is not taken for the present one", () => {
  const world = new World();
  const former = world.call();
  const record = callRecord(former, { a: "former" });
  world.calls.release(former.slot);
  const present = world.call();
  expect(present.slot).toBe(former.slot);
  expect(world.salvage([[record, callRecord(present, { a: "present" })]], 0)).toEqual([present]);
});

test("nothing unsent is nothing to save", () => {
  const world = new World();
  world.call();
  expect(world.salvage([], 1)).toEqual([]);
});
