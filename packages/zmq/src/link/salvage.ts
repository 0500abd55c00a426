import { type ShapeNames, ValueReader } from "@trunkline/core/driver";
import type { Outgoing, OutgoingCall } from "../routing/outgoing.js";
import { copyEventBody, copyRequestBody } from "../wire/bodies.js";
import { HAS_MONITOR } from "../wire/record-types.js";
import { type RequestSink, readRequests } from "../wire/requests.js";
import type { PendingSends } from "./pending-sends.js";
import type { SlotTable } from "./slots.js";

const ignore = (): void => {};

/**
 * Reads the messages out of frames that the engine never took: they were certainly not dispatched, and may go to another
 * listener (B12). Each gets its body back; those that nobody waits for any more are left out.
 *
 * @param shapes those that this side announced on the link: bodies are taken out in the plain form.
 * @param handedOver the sequence of the last numbered record before these frames.
 */
export function salvage(
  frames: readonly Uint8Array[],
  handedOver: number,
  calls: SlotTable<OutgoingCall>,
  sends: PendingSends,
  shapes: ShapeNames | undefined,
): Outgoing[] {
  const saved: Outgoing[] = [];
  let sequence = handedOver;
  const save = (message: Outgoing | undefined, flags: number, body: Uint8Array): void => {
    if (message === undefined || message.sequence !== sequence || message.state !== "sent") return;
    message.flags = flags;
    message.body = body;
    saved.push(message);
  };
  const sink: RequestSink = {
    isOpen: true,
    shapes,
    shape: ignore,
    call(reader, flags, slot, generation) {
      sequence++;
      const bodyOnly = flags & ~HAS_MONITOR;
      save(calls.find(slot, generation), bodyOnly, copyRequestBody(reader, bodyOnly));
    },
    cast(reader, flags) {
      sequence++;
      save(sends.find(sequence), flags, copyRequestBody(reader, flags));
    },
    event(reader, flags) {
      sequence++;
      save(sends.find(sequence), flags, copyEventBody(reader, flags));
    },
    route: ignore,
    cancel: ignore,
    want: ignore,
    returned: ignore,
    gaveUp: ignore,
    noted: ignore,
    ping: ignore,
    bye: ignore,
  };
  const reader = new ValueReader();
  for (const frame of frames) {
    reader.reset(frame);
    readRequests(reader, sink);
  }
  return saved;
}
