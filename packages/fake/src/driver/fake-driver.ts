import {
  type Address,
  type CallHandle,
  type CallOptions,
  type Capabilities,
  type Clock,
  ClosedError,
  ConnectionLostError,
  type Delivery,
  type Driver,
  type DriverEvents,
  type DriverHost,
  type DriverStats,
  type Event,
  type Listener,
  type ListenOptions,
  MessagingError,
  NotSupportedError,
  OverloadedError,
  type Receipt,
  type ReplySink,
  type Request,
  type SendOptions,
  SerializationError,
  type Subscription,
  TypedEmitter,
  UnreachableError,
} from "@trunkline/core/driver";
import type { Bus } from "../bus/bus.js";
import type { Port } from "../bus/port.js";
import { decodeOutcome, Encoder } from "../link/codec.js";
import type { DownFrame, MessageKind, UpFrame } from "../link/frames.js";
import type { Link, LinkEnd } from "../link/link.js";
import type { FakeOptions } from "../options.js";
import { FakeListener, type ListenerHost } from "./fake-listener.js";
import { type Letter, letterOf } from "./letter.js";
import { Outbox, PendingCall, PendingSend } from "./outbox.js";

/** The package's name, for errors and the factory. */
export const DRIVER_NAME = "@trunkline/fake";

/** One open transport on a bus. */
export class FakeDriver implements Driver, LinkEnd<DownFrame, UpFrame>, ListenerHost {
  readonly capabilities: Capabilities;
  readonly events: TypedEmitter<DriverEvents>;
  readonly clock: Clock;
  readonly encoder: Encoder;
  readonly #bus: Bus;
  readonly #link: Link;
  readonly #port: Port;
  readonly #outbox: Outbox;
  readonly #listeners: Map<number, FakeListener> = new Map();
  /** What the bus must hear once the link is back: verdicts, and listeners that closed. */
  readonly #untold: UpFrame[] = [];
  readonly #counters: Map<string, number> = new Map();
  #numbers = 0;
  #lastDelivery = 0;
  #closing: Promise<void> | undefined;

  constructor(bus: Bus, host: DriverHost, options: FakeOptions, capabilities: Capabilities) {
    this.capabilities = capabilities;
    this.events = new TypedEmitter(host.logger);
    this.clock = host.clock;
    this.encoder = new Encoder(options.maxMessageBytes, DRIVER_NAME);
    this.#bus = bus;
    const { detectionMs, reconnectMs } = options;
    const peer = options.peer ?? bus.nextPeer();
    const random = (): number => host.random();
    const { link, port } = bus.attach(
      { peer, clock: host.clock, random, turns: bus.turns, detectionMs, reconnectMs },
      options,
      this,
    );
    this.#link = link;
    this.#port = port;
    this.#outbox = new Outbox(link, port, host.clock);
  }

  get isConnected(): boolean {
    return this.#link.isOpen;
  }

  send(to: Address, message: Request | Event, options: SendOptions): Promise<Receipt> {
    return new Promise((resolve, reject) => {
      const kind = message.kind === "event" ? "event" : to.fanout === true ? "fanout" : "cast";
      const letter = this.#letter(kind, to, message, options.until, undefined);
      this.#outbox.post(new PendingSend(letter, resolve, reject));
      options.onCancel({
        cancel: (toError) => {
          // Harmless where it has settled: rejecting a settled promise is.
          reject(toError(this.#outbox.cancel(letter.n, "aborted")));
        },
      });
    });
  }

  call(to: Address, request: Request, sink: ReplySink, options: CallOptions): CallHandle {
    try {
      if (options.stream !== undefined) {
        throw new NotSupportedError("the fake driver does not claim streaming", "streaming", DRIVER_NAME);
      }
      const letter = this.#letter("call", to, request, options.until, options.monitorMs);
      this.#outbox.post(new PendingCall(letter, sink));
      return { cancel: (reason) => this.#outbox.cancel(letter.n, reason), credit: noStream };
    } catch (error) {
      let isCancelled = false;
      queueMicrotask(() => {
        if (!isCancelled) sink.lost(asMessagingError(error), false);
      });
      return {
        cancel: () => {
          isCancelled = true;
          return "no-connection";
        },
        credit: noStream,
      };
    }
  }

  listen(what: Subscription, deliver: (delivery: Delivery) => void, options: ListenOptions): Promise<Listener> {
    if (this.#closing !== undefined) return Promise.reject(this.#closedError("listen"));
    this.#numbers += 1;
    const listener = new FakeListener(this, this.#numbers, what, deliver, options);
    this.#listeners.set(listener.id, listener);
    return listener.start();
  }

  stats(): DriverStats {
    let inHand = 0;
    for (const listener of this.#listeners.values()) inHand += listener.inHand;
    return {
      counters: { ...Object.fromEntries(this.#counters), ...prefixed("bus.", this.#bus.counters) },
      gauges: {
        unanswered: this.#outbox.written,
        unsent: this.#outbox.unsent,
        listeners: this.#listeners.size,
        inHand,
        "bus.transports": this.#bus.ports.size,
        "bus.waiting": this.#bus.waiting,
        "bus.waitingBytes": this.#bus.waitingBytes,
      },
      links: [{ peer: this.#link.peer, bus: this.#bus.name, state: this.#link.state }],
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  received(frame: DownFrame): void {
    switch (frame.type) {
      case "deliver":
        this.#lastDelivery = frame.delivery;
        // A listener that closed on the way has told the bus so: the bus takes it as handed back, or lost.
        this.#listeners.get(frame.listener)?.received(frame);
        return;
      case "reply": {
        const call = this.#outbox.take(frame.n);
        if (call instanceof PendingCall) call.end(decodeOutcome(frame.outcome));
        else this.dropped("lateReplies", "a reply to a call that nobody waits for", frame.peer);
        return;
      }
      case "accepted": {
        const send = this.#outbox.take(frame.n);
        if (send instanceof PendingSend) send.accepted({ accepted: frame.accepted, lost: frame.lost });
        return;
      }
      case "dispatched":
        this.#outbox.call(frame.n)?.accepted(frame.peer);
        return;
      case "beaten":
        this.#outbox.call(frame.n)?.beat();
        return;
      case "refused": {
        const error = frame.why === "overloaded" ? new OverloadedError(frame.text) : new UnreachableError(frame.text);
        this.#outbox.take(frame.n)?.fail(error, false);
        return;
      }
      case "lost":
        this.#outbox.take(frame.n)?.fail(new ConnectionLostError(frame.text, frame.mayHaveRun), frame.mayHaveRun);
        return;
      case "casts-lost":
        this.events.emit("castsLost", { count: frame.count, peer: frame.peer });
        return;
      case "duplicate":
        this.dropped("duplicates", "a request arrived twice on one link", this.#link.peer);
        return;
      case "listening":
        this.#listeners.get(frame.listener)?.started();
        return;
      case "stopped":
        this.#listeners.get(frame.listener)?.stopped();
        return;
      case "cancelled":
        for (const listener of this.#listeners.values()) if (listener.cancel(frame.delivery, frame.reason)) return;
        return;
    }
  }

  lost(error: ConnectionLostError, unarrived: readonly UpFrame[]): void {
    this.#count("disconnects");
    for (const listener of [...this.#listeners.values()]) listener.lost(error.message);
    for (const frame of unarrived) {
      // The bus hands the event out again, under another number.
      if (frame.type === "settle" && frame.event !== undefined) {
        this.#listeners.get(frame.event.listener)?.unheard(frame.event.key, frame);
      } else if (mattersLater(frame)) {
        // A verdict on what is still this transport's must not be lost with the link.
        this.#untold.push(frame);
      }
    }
    this.#outbox.lost(error);
    this.events.emit("status", { state: "degraded", detail: error.message, error });
  }

  restored(): void {
    const listeners = [...this.#listeners.values()].filter((listener) => listener.isWanted);
    this.#link.sendUp({
      type: "resume",
      listeners: listeners.map(({ terms }) => terms),
      lastDelivery: this.#lastDelivery,
    });
    for (const frame of this.#untold.splice(0)) this.#link.sendUp(frame);
    this.#outbox.restored();
    this.events.emit("status", {
      state: "connected",
      detail: `the link of ${JSON.stringify(this.#link.peer)} is back`,
    });
  }

  tell(frame: UpFrame): void {
    if (this.#link.isOpen) this.#link.sendUp(frame);
    else if (mattersLater(frame)) this.#untold.push(frame);
  }

  dropped(name: string, reason: string, peer: string): void {
    this.#count(name);
    this.events.emit("dropped", { count: 1, reason, peer });
  }

  forget(listener: FakeListener): void {
    this.#listeners.delete(listener.id);
  }

  async #close(): Promise<void> {
    for (const listener of [...this.#listeners.values()]) listener.end(this.#closedError("listen"));
    this.#outbox.close();
    // What was written before is with the bus when this resolves: replies above all.
    this.#link.sendUp({ type: "bye", lastDelivery: this.#lastDelivery });
    this.#link.flushUp();
    this.#link.apply("end");
    this.#port.gone();
    this.events.emit("status", { state: "closed", detail: "closed by its owner" });
  }

  /** @throws ClosedError, SerializationError, MessageTooLargeError */
  #letter(
    kind: MessageKind,
    to: Address,
    message: Request | Event,
    until: number,
    monitorMs: number | undefined,
  ): Letter {
    if (this.#closing !== undefined) throw this.#closedError("send");
    const body = this.encoder.message(message);
    this.#numbers += 1;
    return letterOf({ n: this.#numbers, kind, to, message, until, monitorMs, body });
  }

  #closedError(what: string): ClosedError {
    return new ClosedError(
      `cannot ${what}: the transport ${JSON.stringify(this.#link.peer)} is closed; open a new one`,
    );
  }

  #count(name: string): void {
    this.#counters.set(name, (this.#counters.get(name) ?? 0) + 1);
  }
}

/** Whether the next session must hear of it: the rest is in its first frame, or over. */
function mattersLater(frame: UpFrame): boolean {
  return frame.type === "settle" || frame.type === "close-listener";
}

/** No stream is ever open: `call` refuses them. */
function noStream(): void {}

function prefixed(prefix: string, counters: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counters).map(([name, count]) => [`${prefix}${name}`, count]));
}

function asMessagingError(error: unknown): MessagingError {
  if (error instanceof MessagingError) return error;
  return new SerializationError("the message could not be encoded", { cause: error });
}
