import type { Address, Event, Priority, Request } from "@trunkline/core/driver";
import type { Destination, MessageFrame, MessageKind } from "../link/frames.js";

/** A message that is encoded and addressed; it becomes a frame when it is put on the link. */
export interface Letter {
  readonly n: number;
  readonly kind: MessageKind;
  readonly to: Destination;
  readonly id: string;
  readonly label: string;
  readonly priority?: Priority;
  /** On the transport's clock. */
  readonly until: number;
  readonly monitorMs?: number;
  readonly body: Buffer;
}

export interface LetterParts {
  readonly n: number;
  readonly kind: MessageKind;
  readonly to: Address;
  readonly message: Request | Event;
  readonly until: number;
  readonly monitorMs?: number | undefined;
  readonly body: Buffer;
}

export function letterOf({ n, kind, to, message, until, monitorMs, body }: LetterParts): Letter {
  const { realm, exchange, topic, server } = to;
  return {
    n,
    kind,
    to: { realm, exchange, topic, ...(server === undefined ? {} : { server }) },
    id: message.id,
    label: message.kind === "event" ? message.eventType : message.method,
    ...(message.kind === "event" ? { priority: message.priority } : {}),
    until,
    ...(monitorMs === undefined ? {} : { monitorMs }),
    body,
  };
}

/** As it goes on the link at this moment. */
export function frameOf(letter: Letter, now: number): MessageFrame {
  const { until, ...parts } = letter;
  return { type: "message", ...parts, remainingMs: until - now };
}
