/** Listeners of other processes, and messages, without links. */
import type { MessagingError, Priority } from "@trunkline/core/driver";
import { RemoteListener } from "../../src/link/remote-listener.js";
import type { Line } from "../../src/routing/line.js";
import { Outgoing } from "../../src/routing/outgoing.js";
import type { Advert } from "../../src/wire/responses.js";

/** What a listener's line asks of its link. */
export class FakeLink {
  canSend = true;
  /** How often it was told to say what waits. */
  wants = 0;
  /** Messages that were written to it, in order. */
  readonly sent: Outgoing[] = [];
  /** What writing throws. */
  refusal: Error | undefined;

  tellWant(): void {
    this.wants++;
  }

  sendCall(listener: RemoteListener, message: Outgoing): void {
    this.write(listener, message);
  }
  sendCast(listener: RemoteListener, message: Outgoing): void {
    this.write(listener, message);
  }
  sendEvent(listener: RemoteListener, message: Outgoing): void {
    this.write(listener, message);
  }

  write(listener: RemoteListener, message: Outgoing): void {
    if (this.refusal !== undefined) throw this.refusal;
    message.state = "sent";
    message.listener = listener;
    listener.tokens--;
    listener.inFlight++;
    this.sent.push(message);
  }
}

export interface FakeListener {
  readonly listener: RemoteListener;
  readonly link: FakeLink;
}

export interface FakeListenerOptions {
  readonly server?: string;
  readonly pool?: string | undefined;
  readonly priorities?: readonly Priority[];
  readonly tokens?: number;
  readonly topic?: string;
}

/** A listener of requests, or of events where it has priorities. */
export function fakeListener(options: FakeListenerOptions = {}): FakeListener {
  const link = new FakeLink();
  const place = { listener: 1, exchange: "default", topic: options.topic ?? "t" };
  const advert: Advert =
    options.priorities === undefined
      ? { kind: "rpc", ...place, server: options.server ?? "s" }
      : { kind: "events", ...place, priorities: options.priorities, pool: options.pool };
  const listener = new RemoteListener(link as never, advert, options.tokens ?? Number.POSITIVE_INFINITY);
  return { listener, link };
}

/** A message that only remembers what became of it. */
export class Note extends Outgoing {
  readonly name: string;
  readonly errors: MessagingError[] = [];

  constructor(line: Line, name: string, bytes = 1) {
    super(line);
    this.name = name;
    this.body = new Uint8Array(bytes);
  }

  write(listener: RemoteListener): void {
    (listener.link as unknown as FakeLink).write(listener, this);
  }

  fail(error: MessagingError): void {
    this.state = "settled";
    this.errors.push(error);
  }

  lost(error: MessagingError): void {
    this.fail(error);
  }
}

/** The names of what was written to it. */
export function sentTo(fake: FakeListener): string[] {
  return fake.link.sent.map((message) => (message instanceof Note ? message.name : "?"));
}

/** Numbers in [0, 1) that are the same in each run. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
