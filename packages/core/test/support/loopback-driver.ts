/**
 * A minimal, faithful driver over the seam, in one process: what core's own tests run on. (The fake driver is a product, and
 * has tests of its own.) All drivers opened on one bus reach each other. Over 300 lines because the whole bus is one mechanism.
 */
import { z } from "zod";
import { type Capabilities, defineCapabilities } from "../../src/capabilities.js";
import {
  ClosedError,
  ConnectionLostError,
  MessageTooLargeError,
  type MessagingError,
  NotSupportedError,
  UnreachableError,
} from "../../src/errors.js";
import { type DriverHost, TypedEmitter, type TypedEvents } from "../../src/host.js";
import { checkValue } from "../../src/kit/payload-check.js";
import type {
  Address,
  CallHandle,
  CallOptions,
  Delivery,
  Driver,
  DriverEvents,
  DriverFactory,
  DriverStats,
  Event,
  Listener,
  ListenOptions,
  Outcome,
  Receipt,
  ReplySink,
  Request,
  Route,
  SendOptions,
  Subscription,
  Verdict,
  WaitState,
} from "../../src/seam.js";
import type { TransportUrl } from "../../src/transport-url.js";
import type { JsonObject, Value } from "../../src/value.js";

export const LOOPBACK_MANIFEST: Capabilities = defineCapabilities({
  rpc: true,
  events: true,
  fanout: true,
  serverDirected: true,
  exchanges: true,
  exactNames: true,
  pools: true,
  requeue: true,
  redelivery: true,
  batches: true,
  streaming: false,
  cancel: true,
  callMonitor: true,
  binary: true,
  bigint: true,
  date: true,
  gracefulDrain: true,
  storesOffline: false,
  crossProcess: false,
  realms: true,
  failover: false,
  tls: false,
  auth: false,
  redeliveryInfo: true,
  acceptance: { casts: "transport", events: "transport" },
  undeliverable: "no-listener",
  peerDeath: "detected",
  ordering: "per-target",
  backpressure: "block",
  eventContext: "filtered",
  maxMessageBytes: 16 * 1024 * 1024,
  detectionMs: 100,
  joinLatencyMs: 0,
  recoveryMs: 1_000,
  duplicateWindow: { ids: 0, ms: 0 },
});

/** What one test's drivers share, and what a test can look at and break. */
export class LoopbackBus {
  readonly listeners: Set<LoopbackListener> = new Set();
  /** Everything that was sent, as it was encoded, oldest first. */
  readonly sent: { readonly to: Address; readonly message: Request | Event }[] = [];
  /** What listeners rejected. */
  readonly rejected: (Request | Event)[] = [];
  readonly waiting: Set<Parcel> = new Set();
  readonly #refusals: MessagingError[] = [];
  #held: "no-connection" | "no-room" | undefined;
  #turn = 0;

  /** The next send or call fails with this, certainly not dispatched. */
  refuseNext(error: MessagingError): void {
    this.#refusals.push(error);
  }

  nextRefusal(): MessagingError | undefined {
    return this.#refusals.shift();
  }

  /** As if every link were down, or the backend full: what is sent waits. */
  hold(why: "no-connection" | "no-room" = "no-connection"): void {
    this.#held = why;
  }

  release(): void {
    this.#held = undefined;
    this.pump();
  }

  get held(): "no-connection" | "no-room" | undefined {
    return this.#held;
  }

  candidates(parcel: Parcel): LoopbackListener[] {
    return [...this.listeners].filter((listener) => listener.isOpen && parcel.fits(listener));
  }

  /** Gives a parcel to the least loaded of its listeners, or lets it wait for credit, or says that there is none. */
  place(parcel: Parcel): void {
    if (parcel.isOver) return;
    if (this.#held !== undefined) {
      this.waiting.add(parcel);
      return;
    }
    const candidates = this.candidates(parcel);
    if (candidates.length === 0) {
      this.waiting.delete(parcel);
      parcel.nobody();
      return;
    }
    this.#turn += 1;
    const free = candidates.filter((listener) => listener.hasRoom);
    const least = Math.min(...free.map((listener) => listener.inHand));
    const equal = free.filter((listener) => listener.inHand === least);
    const chosen = equal[this.#turn % Math.max(1, equal.length)];
    if (chosen === undefined) {
      this.waiting.add(parcel);
      return;
    }
    this.waiting.delete(parcel);
    chosen.accept(parcel);
  }

  /** Tries again, in order, all that waits. */
  pump(): void {
    for (const parcel of [...this.waiting]) this.place(parcel);
  }
}

interface ParcelHooks {
  accepted(listener: LoopbackListener): void;
  /** Nobody is there; nothing ran. */
  nobody(): void;
  /** It was in a listener's hands when that died. */
  peerDied(listener: LoopbackListener): void;
  reply?(outcome: Outcome): void;
  beat?(): void;
}

/** One copy of a message on its way to one listener. */
class Parcel {
  readonly message: Request | Event;
  readonly to: Address;
  readonly until: number | undefined;
  readonly monitorMs: number | undefined;
  readonly wantsReply: boolean;
  readonly sender: LoopbackDriver;
  readonly hooks: ParcelHooks;
  readonly fits: (listener: LoopbackListener) => boolean;
  attempt = 1;
  redelivered = false;
  isOver = false;
  delivery: LoopbackDelivery | undefined;

  constructor(
    sender: LoopbackDriver,
    to: Address,
    message: Request | Event,
    fits: (listener: LoopbackListener) => boolean,
    hooks: ParcelHooks,
    call?: CallOptions,
  ) {
    this.sender = sender;
    this.to = to;
    this.message = message;
    this.fits = fits;
    this.hooks = hooks;
    this.until = call?.until;
    this.monitorMs = call?.monitorMs;
    this.wantsReply = call !== undefined;
  }

  nobody(): void {
    this.isOver = true;
    this.hooks.nobody();
  }

  /** Gives up; says what was in the way. */
  cancel(bus: LoopbackBus): WaitState {
    const wasWaiting = bus.waiting.delete(this);
    const isFirst = !this.isOver;
    this.isOver = true;
    if (isFirst) this.delivery?.cancelled();
    if (!wasWaiting) return "sent";
    return bus.held ?? "no-credit";
  }
}

class LoopbackDelivery implements Delivery {
  readonly message: Request | Event;
  readonly to: Address;
  readonly peer: string;
  readonly redelivered: boolean;
  readonly attempt: number;
  readonly until: number | undefined;
  readonly wantsReply: boolean;
  readonly monitorMs: number | undefined;
  readonly route: Route;
  readonly parcel: Parcel;
  readonly #listener: LoopbackListener;
  #onCancel: ((reason: string) => void) | undefined;
  #isCancelled = false;
  isTaken = false;
  isSettled = false;

  constructor(listener: LoopbackListener, parcel: Parcel) {
    this.#listener = listener;
    this.parcel = parcel;
    this.message = parcel.message;
    this.to = parcel.to;
    this.peer = parcel.sender.name;
    this.redelivered = parcel.redelivered;
    this.attempt = parcel.attempt;
    this.until = parcel.until;
    this.wantsReply = parcel.wantsReply;
    this.monitorMs = parcel.monitorMs;
    this.route = listener.driver.routeOf(parcel);
  }

  take(): boolean {
    if (this.#isCancelled || this.isSettled) return false;
    this.isTaken = true;
    return true;
  }

  onCancel(fn: (reason: string) => void): void {
    this.#onCancel = fn;
    if (this.#isCancelled) fn("cancelled by the caller");
  }

  cancelled(): void {
    if (this.isSettled || !this.#listener.driver.capabilities.cancel) return;
    this.#isCancelled = true;
    this.#onCancel?.("cancelled by the caller");
  }

  beat(): void {
    if (!this.isSettled && !this.parcel.isOver) this.parcel.hooks.beat?.();
  }

  item(): Promise<void> {
    const driver = this.#listener.driver.name;
    return Promise.reject(new NotSupportedError("the loopback driver streams nothing", "streaming", driver));
  }

  settle(verdict: Verdict, outcome?: Outcome, options?: { readonly delayMs?: number }): void {
    if (this.isSettled) return;
    const encoded = outcome === undefined ? undefined : this.#listener.driver.encodeOutcome(outcome);
    this.isSettled = true;
    this.#listener.settled(this);
    const { parcel } = this;
    const { bus } = this.#listener.driver;
    switch (verdict) {
      case "done":
        if (encoded !== undefined && !parcel.isOver) {
          parcel.isOver = true;
          queueMicrotask(() => parcel.hooks.reply?.(encoded));
        }
        break;
      case "reject":
        bus.rejected.push(this.message);
        break;
      case "hand-back":
        queueMicrotask(() => bus.place(parcel));
        break;
      case "requeue":
        parcel.attempt += 1;
        parcel.redelivered = true;
        this.#listener.driver.later(options?.delayMs ?? 0, () => bus.place(parcel));
        break;
    }
    bus.pump();
  }
}

class LoopbackListener implements Listener {
  readonly driver: LoopbackDriver;
  readonly what: Subscription;
  readonly closed: Promise<MessagingError | undefined>;
  readonly #deliver: (delivery: Delivery) => void;
  readonly #unsettled: Set<LoopbackDelivery> = new Set();
  readonly #inbox: LoopbackDelivery[] = [];
  #resolveClosed: (error: MessagingError | undefined) => void = () => {};
  readonly #acknowledge: ListenOptions["acknowledge"];
  #credit: number;
  #isStarted = false;
  isOpen = true;

  constructor(
    driver: LoopbackDriver,
    what: Subscription,
    deliver: (delivery: Delivery) => void,
    options: ListenOptions,
  ) {
    this.driver = driver;
    this.what = what;
    this.#deliver = deliver;
    this.#credit = options.credit;
    this.#acknowledge = options.acknowledge;
    // Deliveries begin once the caller has its listener, whatever it does between.
    setImmediate(() => {
      this.#isStarted = true;
      this.#flush();
    });
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
  }

  /** What it holds, for tests that make it misbehave. */
  get unsettled(): readonly Delivery[] {
    return [...this.#unsettled];
  }

  get inHand(): number {
    return this.#unsettled.size;
  }

  get hasRoom(): boolean {
    return this.#unsettled.size < this.#credit;
  }

  setCredit(deliveries: number): void {
    this.#credit = deliveries;
    this.driver.bus.pump();
  }

  accept(parcel: Parcel): void {
    const delivery = new LoopbackDelivery(this, parcel);
    parcel.delivery = delivery;
    this.#unsettled.add(delivery);
    this.#inbox.push(delivery);
    if (this.#inbox.length === 1) queueMicrotask(() => this.#flush());
    parcel.hooks.accepted(this);
  }

  #flush(): void {
    if (!this.#isStarted) return;
    for (const delivery of this.#inbox.splice(0)) if (!delivery.isSettled) this.#deliver(delivery);
  }

  settled(delivery: LoopbackDelivery): void {
    this.#unsettled.delete(delivery);
  }

  stop(): Promise<void> {
    this.isOpen = false;
    for (const delivery of this.#inbox.splice(0)) delivery.settle("hand-back");
    this.driver.bus.pump();
    return Promise.resolve();
  }

  async close(): Promise<void> {
    await this.stop();
    for (const delivery of [...this.#unsettled]) {
      const isOurs = delivery.isTaken && (delivery.message.kind === "request" || this.#acknowledge === "on-take");
      delivery.parcel.redelivered ||= delivery.isTaken;
      if (!isOurs) delivery.settle("hand-back");
      else this.#lose(delivery);
    }
    this.#end(undefined);
  }

  /** Ends as a dead process does: nothing is handed back, and senders learn of it. */
  die(error: MessagingError): void {
    this.isOpen = false;
    this.#inbox.length = 0;
    for (const delivery of [...this.#unsettled]) this.#lose(delivery);
    this.#end(error);
    this.driver.bus.pump();
  }

  #lose(delivery: LoopbackDelivery): void {
    delivery.isSettled = true;
    this.#unsettled.delete(delivery);
    if (!delivery.parcel.isOver) delivery.parcel.hooks.peerDied(this);
  }

  #end(error: MessagingError | undefined): void {
    this.driver.bus.listeners.delete(this);
    this.driver.listeners.delete(this);
    this.#resolveClosed(error);
  }
}

class LoopbackDriver implements Driver {
  readonly capabilities: Capabilities;
  readonly eventContextKeys?: readonly string[];
  readonly bus: LoopbackBus;
  readonly name: string;
  readonly listeners: Set<LoopbackListener> = new Set();
  readonly #emitter: TypedEmitter<DriverEvents>;
  readonly #host: DriverHost;
  /** What to do to each call and send that is pending when the driver closes. */
  readonly #pending: Map<object, () => void> = new Map();
  readonly #timers: Set<{ cancel(): void }> = new Set();
  readonly #routes: Map<string, Route> = new Map();
  #isClosed = false;

  constructor(bus: LoopbackBus, capabilities: Capabilities, host: DriverHost, eventContextKeys?: readonly string[]) {
    this.bus = bus;
    if (eventContextKeys !== undefined) this.eventContextKeys = eventContextKeys;
    this.capabilities = capabilities;
    this.#host = host;
    this.name = `loopback-${host.newId()}`;
    this.#emitter = new TypedEmitter(host.logger);
  }

  get events(): TypedEvents<DriverEvents> {
    return this.#emitter;
  }

  emit<Name extends keyof DriverEvents>(name: Name, event: DriverEvents[Name]): void {
    this.#emitter.emit(name, event);
  }

  async send(to: Address, message: Request | Event, options: SendOptions): Promise<Receipt> {
    if (this.#isClosed) throw new ClosedError("the driver is closed");
    const encoded = this.#encode(message);
    this.bus.sent.push({ to, message: encoded });
    const refusal = this.bus.nextRefusal();
    if (refusal !== undefined) throw refusal;
    if (message.kind === "event") return await this.#sendCopies(to, encoded, this.#pools(to, message), options);
    if (to.fanout === true) return await this.#sendCopies(to, encoded, this.#everyServer(to), options);
    return await this.#sendCopies(to, encoded, [(listener) => isForRpc(listener, to)], options, true);
  }

  /** One copy for each of `fits`; resolves when each was accepted or its listener is gone. */
  #sendCopies(
    to: Address,
    message: Request | Event,
    fits: readonly ((listener: LoopbackListener) => boolean)[],
    options: SendOptions,
    mustReach = false,
  ): Promise<Receipt> {
    const { promise, resolve, reject } = deferred<Receipt>();
    const state = { accepted: 0, lost: 0 };
    const parcels: Parcel[] = [];
    const check = (): void => {
      if (state.accepted + state.lost < fits.length) return;
      this.#pending.delete(promise);
      resolve({ ...state });
    };
    for (const fitsCopy of fits) {
      let isAccepted = false;
      const parcel = new Parcel(this, to, message, fitsCopy, {
        accepted: () => {
          if (isAccepted) return;
          isAccepted = true;
          state.accepted += 1;
          check();
        },
        nobody: () => {
          if (mustReach && !isAccepted) reject(new UnreachableError(`nobody listens on topic "${to.topic}"`));
          else if (!isAccepted) state.lost += 1;
          check();
        },
        peerDied: (listener) => {
          if (message.kind === "request") this.emit("castsLost", { count: 1, peer: listener.driver.name });
          else if (listener.driver.capabilities.redelivery) {
            parcel.redelivered = true;
            this.bus.place(parcel);
          }
        },
      });
      parcels.push(parcel);
    }
    const giveUp = (error: (wait: WaitState) => MessagingError): void => {
      if (!this.#pending.delete(promise)) return;
      const waits = parcels.map((parcel) => parcel.cancel(this.bus));
      reject(error(waits.find((wait) => wait !== "sent") ?? "sent"));
    };
    this.#pending.set(promise, () => giveUp(() => new ClosedError("the driver was closed")));
    options.onCancel({ cancel: giveUp });
    for (const parcel of parcels) this.bus.place(parcel);
    check();
    return promise;
  }

  #pools(to: Address, event: Event): ((listener: LoopbackListener) => boolean)[] {
    const fits = (listener: LoopbackListener): boolean =>
      listener.what.kind === "events" &&
      isSameTopic(listener.what.address, to) &&
      listener.what.priorities.includes(event.priority);
    const members = [...this.bus.listeners].filter((listener) => listener.isOpen && fits(listener));
    const pools = new Set(members.map((listener) => poolOf(listener)));
    return [...pools].map((pool) => (listener: LoopbackListener) => fits(listener) && poolOf(listener) === pool);
  }

  #everyServer(to: Address): ((listener: LoopbackListener) => boolean)[] {
    const servers = [...this.bus.listeners].filter((listener) => listener.isOpen && isForRpc(listener, to));
    return servers.map((server) => (listener: LoopbackListener) => listener === server);
  }

  call(to: Address, request: Request, sink: ReplySink, options: CallOptions): CallHandle {
    let parcel: Parcel | undefined;
    let isOver = false;
    const key = {};
    const end = (tell: () => void): void => {
      if (isOver) return;
      isOver = true;
      this.#pending.delete(key);
      tell();
    };
    const lose = (error: MessagingError, mayHaveRun: boolean): void => {
      queueMicrotask(() => end(() => sink.lost(error, mayHaveRun)));
    };
    const handle: CallHandle = {
      cancel: () => {
        if (isOver) return "sent";
        isOver = true;
        this.#pending.delete(key);
        return parcel?.cancel(this.bus) ?? "no-listener";
      },
      credit: () => {},
    };
    const refusal = this.#isClosed ? new ClosedError("the driver is closed") : this.bus.nextRefusal();
    if (refusal !== undefined) {
      lose(refusal, false);
      return handle;
    }
    try {
      const encoded = this.#encode(request);
      this.bus.sent.push({ to, message: encoded });
      const fits = (listener: LoopbackListener): boolean => isForRpc(listener, to);
      const hooks: ParcelHooks = {
        accepted: (listener) => queueMicrotask(() => isOver || sink.accepted(listener.driver.name)),
        nobody: () => lose(new UnreachableError(`nobody serves topic "${to.topic}"`), false),
        peerDied: (listener) => lose(new ConnectionLostError(`${listener.driver.name} died`, true), true),
        reply: (outcome) => end(() => sink.end(outcome)),
        beat: () => isOver || sink.beat(),
      };
      parcel = new Parcel(this, to, encoded, fits, hooks, options);
      this.#pending.set(key, () => {
        parcel?.cancel(this.bus);
        end(() => sink.lost(new ClosedError("the driver was closed"), true));
      });
      this.bus.place(parcel);
    } catch (error) {
      // Whatever the payload's walk throws is one of core's errors.
      lose(error as MessagingError, false);
    }
    return handle;
  }

  async listen(what: Subscription, deliver: (delivery: Delivery) => void, options: ListenOptions): Promise<Listener> {
    if (this.#isClosed) throw new ClosedError("the driver is closed");
    const listener = new LoopbackListener(this, what, deliver, options);
    this.listeners.add(listener);
    this.bus.listeners.add(listener);
    this.bus.pump();
    return listener;
  }

  stats(): DriverStats {
    return {
      counters: { sent: this.bus.sent.length, rejected: this.bus.rejected.length },
      gauges: { pending: this.#pending.size, listeners: this.listeners.size },
      links: [],
    };
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const listener of [...this.listeners]) await listener.close();
    this.#end();
    this.emit("status", { state: "closed", detail: "closed" });
  }

  /** The same for all deliveries of one method, whichever of this driver's listeners gets them. */
  routeOf({ sender, to, message }: Parcel): Route {
    const asked = message.kind === "request" ? [message.namespace, message.version, message.method] : [];
    const key = JSON.stringify([sender.name, to.exchange, to.topic, ...asked]);
    const route = this.#routes.get(key) ?? {};
    this.#routes.set(key, route);
    return route;
  }

  /** Ends as a killed process does. */
  kill(): void {
    this.#isClosed = true;
    const error = new ConnectionLostError(`${this.name} was killed`, true);
    for (const listener of [...this.listeners]) listener.die(error);
    this.#end();
  }

  #end(): void {
    for (const timer of this.#timers) timer.cancel();
    for (const giveUp of [...this.#pending.values()]) giveUp();
  }

  later(delayMs: number, fn: () => void): void {
    const timer = this.#host.clock.setTimer(
      () => {
        this.#timers.delete(timer);
        fn();
      },
      delayMs,
      { background: true },
    );
    this.#timers.add(timer);
  }

  encodeOutcome(outcome: Outcome): Outcome {
    if (!outcome.ok) {
      const { details } = outcome.failure;
      if (details === undefined) return outcome;
      return { ok: false, failure: { ...outcome.failure, details: this.#copy(details, "details") } };
    }
    return { ok: true, value: this.#copy(outcome.value ?? null, "result") };
  }

  #encode<Message extends Request | Event>(message: Message): Message {
    const { id } = message;
    const context = this.#copy(message.context, "context") as JsonObject;
    const headers = { ...message.headers };
    // By name, because a message's fields may be getters of its class.
    if (message.kind === "request") {
      const { kind, method, namespace, version } = message;
      const params = this.#copy(message.params, "params") as JsonObject;
      return { kind, id, context, headers, method, params, namespace, version } as Request as Message;
    }
    const { kind, publisherId, eventType, priority, timestamp } = message;
    const payload = this.#copy(message.payload, "payload");
    return { kind, id, context, headers, publisherId, eventType, priority, timestamp, payload } as Event as Message;
  }

  #copy(value: Value, root: string): Value {
    const { binary, bigint, date, maxMessageBytes } = this.capabilities;
    checkValue(value, root, { binary, bigint, date, driver: this.name });
    const size = { bytes: 0 };
    const copied = copy(value, size);
    if (size.bytes <= maxMessageBytes) return copied;
    throw new MessageTooLargeError(`${root} is larger than ${maxMessageBytes} bytes`, maxMessageBytes);
  }
}

function copy(value: Value | undefined, size: { bytes: number }): Value {
  if (typeof value === "string") size.bytes += Buffer.byteLength(value);
  else if (value instanceof Uint8Array) size.bytes += value.length;
  else size.bytes += 8;
  if (typeof value !== "object" || value === null) return value ?? null;
  if (value instanceof Uint8Array) return Uint8Array.from(value);
  if (value instanceof Date) return new Date(value);
  if (Array.isArray(value)) return value.map((item: Value | undefined) => copy(item, size));
  const entries = Object.entries(value).flatMap(([key, item]): [string, Value][] => {
    return item === undefined ? [] : [[key, copy(item, size)]];
  });
  return Object.fromEntries(entries);
}

function isSameTopic(a: Address, b: Address): boolean {
  return a.realm === b.realm && a.exchange === b.exchange && a.topic === b.topic;
}

function isForRpc(listener: LoopbackListener, to: Address): boolean {
  const { what } = listener;
  return (
    what.kind === "rpc" &&
    isSameTopic(what.address, to) &&
    (to.server === undefined || to.server === what.address.server)
  );
}

function poolOf(listener: LoopbackListener): string | undefined {
  return listener.what.kind === "events" ? listener.what.pool : undefined;
}

export type { LoopbackDriver };

/** A factory whose drivers meet on `bus`, and remember themselves in `opened`, in order. */
export interface LoopbackFactory extends DriverFactory {
  readonly bus: LoopbackBus;
  readonly opened: LoopbackDriver[];
}

/** For `openTransport("loopback://", { drivers: [loopbackFactory()] })`. The list is as a driver gives it, right or wrong (C1). */
export function loopbackFactory(
  bus: LoopbackBus = new LoopbackBus(),
  changes: Partial<Capabilities> = {},
  eventContextKeys?: readonly string[],
): LoopbackFactory {
  const manifest = defineCapabilities({ ...LOOPBACK_MANIFEST, ...changes });
  const opened: LoopbackDriver[] = [];
  return {
    scheme: "loopback",
    name: "loopback",
    version: "0.0.0",
    options: z.object({}),
    bus,
    opened,
    capabilities: () => manifest,
    open: async (_url: TransportUrl, host: DriverHost) => {
      const driver = new LoopbackDriver(bus, manifest, host, eventContextKeys);
      opened.push(driver);
      driver.emit("status", { state: "connected", detail: "loopback" });
      return driver;
    },
  };
}

interface Deferred<Result> {
  readonly promise: Promise<Result>;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: Error) => void;
}

function deferred<Result>(): Deferred<Result> {
  let resolve: (result: Result) => void = () => {};
  let reject: (error: Error) => void = () => {};
  const promise = new Promise<Result>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}
