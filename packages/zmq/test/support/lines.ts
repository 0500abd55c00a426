/** Lines, and messages in them, without a transport. */
import type { JsonObject, MessagingError, Outcome, ReplySink, Request, WaitState } from "@trunkline/core/driver";
import { Tick } from "../../src/link/tick.js";
import { BodyEncoder } from "../../src/routing/body-encoder.js";
import { Line, type LineBounds, type LineKeeper } from "../../src/routing/line.js";
import { MethodKey } from "../../src/routing/method-key.js";
import { OutgoingCall, OutgoingCast, OutgoingEvent } from "../../src/routing/outgoing.js";
import type { RequestNames } from "../../src/wire/names.js";
import { type EventBody, eventOf, requestOf } from "./request-records.js";

/** A keeper that remembers which lines starved. */
export class LineLog implements LineKeeper {
  readonly starvedLines: Line[] = [];
  onStarved: (line: Line) => void = () => {};

  starved(line: Line): void {
    this.starvedLines.push(line);
    this.onStarved(line);
  }

  obstacle(): WaitState {
    return "no-listener";
  }
}

export interface LineParts {
  readonly tick?: Tick;
  readonly bounds?: LineBounds;
  readonly random?: () => number;
  readonly keeper?: LineKeeper;
  readonly name?: string;
}

export function newLine(parts: LineParts = {}): Line {
  const { tick = new Tick(() => 0), bounds = { messages: 1_000, bytes: 1e9 }, random = Math.random } = parts;
  return new Line(parts.name ?? "topic", { tick, bounds, random }, parts.keeper ?? new LineLog());
}

/** A caller that remembers what it was told. */
export class SinkLog implements ReplySink {
  readonly heard: string[] = [];
  outcome: Outcome | undefined;
  error: MessagingError | undefined;
  mayHaveRun: boolean | undefined;

  accepted(): void {
    this.heard.push("accepted");
  }
  beat(): void {
    this.heard.push("beat");
  }
  item(): void {
    this.heard.push("item");
  }
  end(outcome: Outcome): void {
    this.heard.push("end");
    this.outcome = outcome;
  }
  lost(error: MessagingError, mayHaveRun: boolean): void {
    this.heard.push("lost");
    this.error = error;
    this.mayHaveRun = mayHaveRun;
  }
}

/** A sender that remembers what it was told. */
export class FateLog {
  readonly heard: string[] = [];
  error: MessagingError | undefined;

  accepted(): void {
    this.heard.push("accepted");
  }
  failed(error: MessagingError): void {
    this.heard.push("failed");
    this.error = error;
  }
}

export function newKey(names: Partial<RequestNames> = {}): MethodKey {
  const { mode = "topic", namespace, version, method = "m" } = names;
  return new MethodKey(mode, namespace, version, method);
}

const encoder = new BodyEncoder(16 * 1024 * 1024);

/** A request of the seam with these params. */
export function request(params: JsonObject, part: Partial<Request> = {}): Request {
  return { ...requestOf({ params, context: {}, headers: {} }), ...part };
}

/** A call and its caller; encoded where `params` are given, as one is that waits. */
export function newCall(
  line: Line,
  params?: JsonObject,
  options: { readonly key?: MethodKey; readonly until?: number; readonly monitorMs?: number } = {},
): { readonly call: OutgoingCall; readonly sink: SinkLog } {
  const sink = new SinkLog();
  const call = new OutgoingCall(line, options.key ?? newKey(), sink, options.until ?? 60_000, options.monitorMs);
  if (params !== undefined) {
    const { bytes, flags } = encoder.encode(request(params));
    call.body = bytes;
    call.flags = flags;
  }
  return { call, sink };
}

export function newCast(
  line: Line,
  params?: JsonObject,
  key: MethodKey = newKey(),
): { readonly cast: OutgoingCast; readonly fate: FateLog } {
  const fate = new FateLog();
  const cast = new OutgoingCast(line, key, fate);
  if (params !== undefined) {
    const { bytes, flags } = encoder.encode(request(params));
    cast.body = bytes;
    cast.flags = flags;
  }
  return { cast, fate };
}

export const anEvent: EventBody = {
  id: "id-1",
  publisherId: "publisher",
  eventType: "type",
  timestamp: "2024-01-01T00:00:00.000Z",
  payload: null,
  context: {},
  headers: {},
};

export function newEvent(
  line: Line,
  body: Partial<EventBody> = {},
  attempt = 1,
): { readonly event: OutgoingEvent; readonly fate: FateLog } {
  const fate = new FateLog();
  const event = new OutgoingEvent(line, "info", attempt, fate);
  const { bytes, flags } = encoder.encode(eventOf({ ...anEvent, ...body }));
  event.body = bytes;
  event.flags = flags;
  return { event, fate };
}
