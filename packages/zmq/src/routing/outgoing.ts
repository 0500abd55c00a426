/** Messages of this process on their way out: what each waits for, and what becomes of it. */
import type { CallHandle, CancelReason, MessagingError, Priority, ReplySink, WaitState } from "@trunkline/core/driver";
import type { RemoteListener } from "../link/remote-listener.js";
import type { Line } from "./line.js";
import type { MethodKey } from "./method-key.js";

/**
 * `new`: not yet placed. `waiting`: in its line, as bytes. `sent`: written to a link. `settled`: its fate is known, or nobody
 * asks for it any more.
 */
export type OutgoingState = "new" | "waiting" | "sent" | "settled";

export abstract class Outgoing {
  state: OutgoingState = "new";
  /** Encoded, while it waits: what was passed does not change under the sender's feet (D2). */
  body: Uint8Array | undefined = undefined;
  /** What the body holds besides params or payload. */
  flags = 0;
  /** When it came to its line, on the host's clock: how long its listener may take to be found. */
  waitingSince = 0;
  line: Line;
  /** Its place in its line: messages that come back go before those that came later. */
  order: number;
  /** Whom it was sent to. */
  listener: RemoteListener | undefined = undefined;
  /** Its number among the numbered records of that link. */
  sequence = 0;

  constructor(line: Line) {
    this.line = line;
    this.order = line.nextOrder++;
  }

  /** Writes the body it holds to the listener's link. @throws MessageTooLargeError: the other side takes less than this one. */
  abstract write(listener: RemoteListener): void;
  /** It certainly was not dispatched, and nobody can take it. */
  abstract fail(error: MessagingError): void;
  /** It was written and its peer is gone: it may have run (B12). */
  abstract lost(error: MessagingError): void;
}

/** One call, from `call` to its outcome: also its handle, and what its slot holds. */
export class OutgoingCall extends Outgoing implements CallHandle {
  readonly key: MethodKey;
  readonly sink: ReplySink;
  readonly until: number;
  readonly monitorMs: number | undefined;
  slot = 0;
  generation = 0;

  constructor(line: Line, key: MethodKey, sink: ReplySink, until: number, monitorMs: number | undefined) {
    super(line);
    this.key = key;
    this.sink = sink;
    this.until = until;
    this.monitorMs = monitorMs;
  }

  write(listener: RemoteListener): void {
    listener.link.sendCall(listener, this, undefined);
  }

  fail(error: MessagingError): void {
    if (this.state === "settled") return;
    this.state = "settled";
    this.sink.lost(error, false);
  }

  lost(error: MessagingError): void {
    if (this.state === "settled") return;
    this.state = "settled";
    this.sink.lost(error, true);
  }

  cancel(reason: CancelReason): WaitState {
    const state = this.state;
    this.state = "settled";
    if (state === "waiting") return this.line.remove(this);
    if (state !== "sent") return "no-connection";
    this.listener?.link.cancelCall(this, reason);
    return "sent";
  }

  credit(): void {}
}

/** What goes out in place of a message that came back. */
export interface Replacement {
  /** Nobody waits any more. Returns what was in the way. */
  giveUp(): WaitState;
}

/** What a message without a reply tells of its fate. */
export interface SendOwner {
  accepted(): void;
  /** `error.mayHaveRun` says which, where the connection was lost. */
  failed(error: MessagingError): void;
}

/** A cast, an event, or one listener's part of a fanout: over when a process has accepted it. */
export abstract class OutgoingSend extends Outgoing {
  readonly owner: SendOwner;
  replacement: Replacement | undefined = undefined;

  constructor(line: Line, owner: SendOwner) {
    super(line);
    this.owner = owner;
  }

  accept(): void {
    if (this.state === "settled") return;
    this.state = "settled";
    this.owner.accepted();
  }

  fail(error: MessagingError): void {
    if (this.state === "settled") return;
    this.state = "settled";
    this.owner.failed(error);
  }

  lost(error: MessagingError): void {
    this.fail(error);
  }

  /** Nobody waits any more. Returns what was in the way. */
  abandon(): WaitState {
    const state = this.state;
    this.state = "settled";
    if (this.replacement !== undefined) return this.replacement.giveUp();
    return state === "waiting" ? this.line.remove(this) : "sent";
  }
}

export class OutgoingCast extends OutgoingSend {
  readonly key: MethodKey;

  constructor(line: Line, key: MethodKey, owner: SendOwner) {
    super(line, owner);
    this.key = key;
  }

  write(listener: RemoteListener): void {
    listener.link.sendCast(listener, this, undefined);
  }
}

export class OutgoingEvent extends OutgoingSend {
  readonly priority: Priority;
  /** 1 at first. */
  readonly attempt: number;

  constructor(line: Line, priority: Priority, attempt: number, owner: SendOwner) {
    super(line, owner);
    this.priority = priority;
    this.attempt = attempt;
  }

  write(listener: RemoteListener): void {
    listener.link.sendEvent(listener, this);
  }
}
