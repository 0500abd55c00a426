/**
 * The seam: what core and a driver say to each other.
 *
 * Core owns meaning, every timer, retries of operations, versions, dispatch and validation. A driver owns its wire, its
 * connections and their retries, and resends nothing that may have run (B12). Core hands the driver *structured*
 * messages, never bytes, so that a driver may speak a wire format that exists already, or a faster one.
 *
 * A driver author reads this file first; clause numbers are those of `docs/semantics.md`.
 */
import type { z } from "zod";
import type { Capabilities } from "./capabilities.js";
import type { MessagingError } from "./errors.js";
import type { DriverHost, TypedEvents } from "./host.js";
import type { TransportUrl } from "./transport-url.js";
import type { JsonObject, Value } from "./value.js";

/**
 * Where a message goes, or what a listener listens on (A1). Names are compared whole (A5); they are checked by core.
 *
 * Core makes one address for each client and passes that same object each time. `memo` is the driver's: a place to keep
 * what it worked out for this object (peers, interned names). A copy made by a spread carries the memo of the original, so
 * a driver compares the address it remembered with the one it was given before it trusts it.
 */
export interface Address {
  /** Of the URL's path; empty by default. */
  readonly realm: string;
  readonly exchange: string;
  readonly topic: string;
  readonly server?: string;
  readonly fanout?: true;
  memo?: unknown;
}

interface Carried {
  /** Unique in the world. A getter where it costs: on zmq a session and a number identify a request, and no id is made. */
  readonly id: string;
  /** The request context (D1); empty where there is none. */
  readonly context: JsonObject;
  /** What travels beside the context: `traceparent`, `tracestate`, `baggage`, … (D5). Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

/** A call or a cast, as core hands it to a driver and a driver to core. Whether a reply is wanted is said beside it. */
export interface Request extends Carried {
  readonly kind: "request";
  readonly method: string;
  readonly params: JsonObject;
  readonly namespace?: string | undefined;
  /** As the client asked; a server takes an absent one as 1.0 (B3). */
  readonly version?: string | undefined;
}

/** Each is a stream of its own (C2). */
export type Priority = "audit" | "debug" | "info" | "warn" | "error" | "critical" | "sample";

/** Every {@link Priority}, as C1 names them. */
export const PRIORITIES: readonly Priority[] = ["audit", "debug", "info", "warn", "error", "critical", "sample"];

/** A notification, as core hands it to a driver and a driver to core (C1). */
export interface Event extends Carried {
  readonly kind: "event";
  readonly publisherId: string;
  readonly eventType: string;
  readonly priority: Priority;
  readonly payload: Value;
  /** UTC, ISO 8601 with milliseconds and `Z`. */
  readonly timestamp: string;
}

/** An error as it travels (B5). It is data: nothing is constructed by its names (F2). */
export interface Failure {
  /** The class's name, such as `RangeError`. Core's own (`NoSuchMethodError`, …) carry {@link CORE_MODULE} as `module`. */
  readonly type: string;
  /**
   * Of a class of another language, what this one has that is nearest: `RangeError` for Python's `ValueError`. Core rebuilds
   * by `type` first and by this second, if the application registered such a class; the error keeps `type` as its name.
   */
  readonly nearest?: string;
  readonly module?: string;
  readonly message: string;
  readonly stack?: string;
  readonly details?: Value;
}

/** The `module` of failures that core itself made, so that the caller's core rebuilds its own class. */
export const CORE_MODULE = "@trunkline/core";

/** How a call ended: the handler's result, or the error it threw, as data. */
export type Outcome = { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly failure: Failure };

/** What a driver knows of a cast or an event beside the message. */
export interface SendOptions {
  /** The send's deadline, on the host clock's `now()`. Core owns the timer and calls the handle's `cancel`. */
  readonly until: number;
  /** The driver calls this at most once, before `send` returns, with what gives the message up; not needed where it settled already. */
  onCancel(handle: SendHandle): void;
}

/** A send that waits: for a link, for credit, or to be accepted. */
export interface SendHandle {
  /**
   * Gives the message up: the promise of `send` rejects with `toError(what was still in the way)`. Where that is `sent` the
   * outcome is unknown; else nothing was sent. Harmless once the send has settled.
   */
  cancel(toError: (wait: WaitState) => MessagingError): void;
}

/** Why core gives a call up: its caller's signal, its deadline, or the transport's `close`. */
export type CancelReason = "aborted" | "deadline" | "closed";

/** What a driver knows of a call beside the request. */
export interface CallOptions {
  /** As in {@link SendOptions}. The driver puts what is left of it on its wire as milliseconds. */
  readonly until: number;
  /** Call monitoring (B8): the server beats at least this often. Absent: no beats. */
  readonly monitorMs?: number | undefined;
  readonly stream?: { readonly credit: number } | undefined;
}

/** What the driver tells the caller of one call. After `end` or `lost` it says nothing more; what comes later is dropped and counted (B9). */
export interface ReplySink {
  /** A receiving process has the request. Optional: a reply implies it. */
  accepted(peer: string): void;
  /** The server is at work (B8). */
  beat(): void;
  /** One item of a stream, in order. */
  item(value: Value): void;
  end(outcome: Outcome): void;
  /**
   * There will be no reply. `mayHaveRun` false promises that the request certainly was not dispatched (B12), and core may
   * send it again; true, or in doubt, that it must never be sent elsewhere.
   */
  lost(error: MessagingError, mayHaveRun: boolean): void;
}

/** Core's hold on one call in flight. Both methods are harmless once the sink has heard `end` or `lost`. */
export interface CallHandle {
  /**
   * Frees all that is held for the call; the sink hears no more. Where the manifest claims `cancel` the server is told.
   *
   * Returns what was still in the way when the driver gave up, for core's error to name; see {@link WaitState}.
   */
  cancel(reason: CancelReason): WaitState;
  credit(items: number): void;
}

/** What was still in the way of a message when it was given up; what core's error says follows from it. */
export type WaitState =
  /** Nobody was ever found. */
  | "no-listener"
  /** Every server's credit was used up. */
  | "no-credit"
  /** The backend itself takes no more: an alarm of memory or disk, or a full queue. */
  | "no-room"
  /** It waited for a lost link. */
  | "no-connection"
  /** It was written: the outcome is unknown. */
  | "sent";

/** Of a fanout and of an event: how many listeners or pools took it, and how many were found dead (A4, B2). A plain cast: 1 and 0. */
export interface Receipt {
  readonly accepted: number;
  readonly lost: number;
}

/** What a listener is to get: the requests of one server, or the events of one topic. */
export type Subscription =
  /** Topic, topic + server and fanout in one: an rpc listener gets all three. `address.server` is set. */
  | { readonly kind: "rpc"; readonly address: Address }
  /** Listeners of one pool share; without `pool` they share the pool that has no name (C3). Only these priorities (C2). */
  | {
      readonly kind: "events";
      readonly address: Address;
      readonly priorities: readonly Priority[];
      readonly pool?: string;
    };

/** How much a listener takes at once, and when it is answerable for it. */
export interface ListenOptions {
  /** Never more than this many unsettled deliveries (B13). At least 1. */
  readonly credit: number;
  /** How many of them core dispatches at once; the rest waits in its hands. For who shares `credit` out over several queues. */
  readonly concurrency?: number | undefined;
  /** `on-take`: responsibility passes at `take()` (at most once). `on-settle`: at the verdict (redelivery). */
  readonly acknowledge: "on-take" | "on-settle";
}

/** The receiving half of a driver, for one subscription. Owned by core. */
export interface Listener {
  /** Takes effect on what comes later; what is in hand stays. */
  setCredit(deliveries: number): void;
  /** Ends intake and withdraws from discovery. After it resolves nothing new is delivered; what is unsettled can still be settled. Idempotent. */
  stop(): Promise<void>;
  /**
   * What was never taken goes back to its sender or the backend; then all is freed. Implies `stop`. Idempotent.
   *
   * What was taken and is not settled has outlived the drain time: nobody waits for it here any more. Its caller hears `lost`
   * with `mayHaveRun` true, at the latest when the driver closes; what is acknowledged on settling goes to another.
   */
  close(): Promise<void>;
  /** Resolves when the listener has ended: with the error that ended it, or undefined after `close`. Never rejects. */
  readonly closed: Promise<MessagingError | undefined>;
}

/**
 * One object for each link and (exchange, topic, namespace, version, method), the same for each delivery of it: core keeps
 * the handler that it resolved here, so that versions and exposure are checked once. A driver whose wire has no such table
 * makes a new one per delivery.
 */
export interface Route {
  resolved?: unknown;
}

/** What becomes of a delivery; see {@link Delivery.settle}. */
export type Verdict = "done" | "requeue" | "reject" | "hand-back";

/** One message that arrived. Every method is harmless after `settle` or when the link is gone. */
export interface Delivery {
  readonly message: Request | Event;
  /** The address as it was sent to: with `server` where it was directed, with `fanout` where it was one. */
  readonly to: Address;
  /** Who sent it, for people and logs. */
  readonly peer: string;
  /** True where this may have been delivered before. */
  readonly redelivered: boolean;
  /** 1 at first; rises with each requeue, and travels with the message. */
  readonly attempt: number;
  /** A call's deadline on the host clock's `now()`, worked out from what was left when it arrived (B6). Never that of a send: a cast has none here. */
  readonly until?: number | undefined;
  readonly wantsReply: boolean;
  readonly monitorMs?: number | undefined;
  /**
   * Called the instant before dispatch. False: it was cancelled, is gone or came before (B10), and must not run; core settles it
   * with `reject` (core checks `until` itself).
   */
  take(): boolean;
  /**
   * Core registers at most one function per delivery. It is called once, when the caller cancels or is gone, where the
   * manifest claims `cancel`; at once where that happened already.
   */
  onCancel(fn: (reason: string) => void): void;
  /** Call monitoring: tells the caller that the work goes on. Core owns the timer. */
  beat(): void;
  /** One item of a stream; resolves when the caller's credit allows the next. */
  item(value: Value): Promise<void>;
  /**
   * The verdict, once; it frees one credit. `done` carries the outcome where a reply is wanted. `requeue` gives an event
   * back to its pool after `delayMs`. `reject` drops it, dead-lettered where the backend can. `hand-back` returns what was
   * never dispatched, to be given to another.
   *
   * @throws SerializationError, MessageTooLargeError (synchronously, before anything was written, and the delivery is not
   * settled by it) when the outcome cannot travel: core then settles it with that failure (D3).
   */
  settle(verdict: Verdict, outcome?: Outcome, options?: { readonly delayMs?: number }): void;
  readonly route: Route;
}

/** How a driver's connections are: all made, some of them lost and being made again, none yet, or ended. */
export type DriverState = "connecting" | "connected" | "degraded" | "closed";

/** What a driver tells of itself, as events by name; `transport.events` passes them on. */
export interface DriverEvents {
  /** Each change once, in order. `degraded`: some of it is lost and being made again. */
  status: { readonly state: DriverState; readonly detail: string; readonly error?: MessagingError };
  /** Something an operator should read, once per occurrence, never per message. */
  warning: { readonly message: string; readonly error?: unknown };
  /** Input or late messages that were counted and dropped (F1, B9). */
  dropped: { readonly count: number; readonly reason: string; readonly peer?: string };
  /** Casts and events that a process had accepted and not handled when it died: counted once, by the driver that sent them (B12). */
  castsLost: { readonly count: number; readonly peer: string };
}

/** Plain data for people and metrics: gauges and counters by name, and a row for each link. */
export interface DriverStats {
  readonly counters: Readonly<Record<string, number>>;
  readonly gauges: Readonly<Record<string, number>>;
  readonly links: readonly Readonly<Record<string, string | number | boolean>>[];
}

/** An open driver: one per transport. */
export interface Driver {
  readonly capabilities: Capabilities;
  /**
   * The only members of the context that go along with an event where the application gives no filter (C1), `request_id`
   * among them. Given exactly where the manifest says `eventContext: "listed"`: core opens no driver that says one without
   * the other. It is core that filters: what a driver is handed has passed.
   */
  readonly eventContextKeys?: readonly string[];
  readonly events: TypedEvents<DriverEvents>;
  /**
   * A cast (a `Request` without reply) or an event. Encodes before it returns: later changes to the message do not travel (D2).
   * Resolves when responsibility was taken as `acceptance` says.
   * @throws never synchronously. Rejects with SerializationError, MessageTooLargeError (nothing was sent), UnreachableError (A7),
   * OverloadedError (B13), ConnectionLostError (B12), ClosedError; NotSupportedError for an address that the manifest does not
   * claim (`exchanges`, `exactNames`), and nothing was sent.
   */
  send(to: Address, message: Request | Event, options: SendOptions): Promise<Receipt>;
  /**
   * Synchronous; encodes before it returns. Every failure, those of `send` included, goes to the sink, never before `call`
   * has returned (a driver that knows at once defers with `queueMicrotask`).
   */
  call(to: Address, request: Request, sink: ReplySink, options: CallOptions): CallHandle;
  /**
   * Begins to receive; when it resolves, E2 holds. `deliver` is called synchronously, never before `listen` has resolved
   * its promise's microtask, and must not throw.
   * @throws ListenError, ConnectError, AuthError, ClosedError; NotSupportedError as `send`.
   */
  listen(what: Subscription, deliver: (delivery: Delivery) => void, options: ListenOptions): Promise<Listener>;
  stats(): DriverStats;
  /** Ends all: pending calls hear `lost` and pending sends reject with ClosedError; no timer, socket, file or handle stays (E4). Idempotent. */
  close(): Promise<void>;
}

/** How long `DriverFactory.open` may try, and what ends it sooner. */
export interface OpenOptions {
  /** How long to keep trying a backend that is down (E1). */
  readonly connectTimeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** What a driver package exports by the name `driver`. */
export interface DriverFactory {
  /** The URL's scheme, `[a-z][a-z0-9]*`; variants (`scheme+variant`) are in the URL it is given. */
  readonly scheme: string;
  /** The name and version for people: the package's. */
  readonly name: string;
  readonly version: string;
  /** What the exchange is called when nobody names one (A1). @default "default" */
  readonly defaultExchange?: string;
  /** In its place, for a driver whose variants differ in it. No I/O. */
  defaultExchangeOf?(url: TransportUrl): string;
  /** The schema of the URL's query, all values strings on arrival (use `z.coerce`). Unknown options are refused by core. */
  readonly options: z.ZodObject;
  /**
   * In its place, for a driver whose variants have options of their own: asked before the query is checked. No I/O.
   * @throws InvalidTransportUrlError for a variant that there is not.
   */
  optionsOf?(url: TransportUrl): z.ZodObject;
  /** The manifest that a driver opened with this URL will have. No I/O. */
  capabilities(url: TransportUrl): Capabilities;
  /**
   * Resolves when the backend answers (E1). `url.options` has passed `options`.
   * @throws ConnectError after `connectTimeoutMs`, AuthError at once, InvalidTransportUrlError, NotSupportedError, AbortError.
   */
  open(url: TransportUrl, host: DriverHost, options: OpenOptions): Promise<Driver>;
}
