import type { Capabilities } from "./capabilities.js";
import { DeadlineTable, type Expiring } from "./deadlines.js";
import {
  AbortError,
  ClosedError,
  InvalidArgumentError,
  type MessagingError,
  OverloadedError,
  TimeoutError,
} from "./errors.js";
import { type Clock, type Logger, TypedEmitter } from "./host.js";
import type { ErrorRegistry } from "./rpc/remote-error.js";
import type {
  Address,
  Driver,
  DriverEvents,
  Event,
  Receipt,
  Request,
  SendHandle,
  SendOptions,
  WaitState,
} from "./seam.js";
import type { Serializer } from "./serializer.js";

/** A handler failed, or what it asked for could not be done. Expected errors are not reported (B5). */
export interface HandlerErrorReport {
  readonly error: unknown;
  readonly topic: string;
  /** Of an RPC. */
  readonly method?: string;
  /** Of a notification. */
  readonly eventType?: string;
}

/** What a transport tells: the driver's events, and failures of the application's own handlers. */
export interface TransportEvents extends DriverEvents {
  handlerError: HandlerErrorReport;
}

/** Milliseconds; see `docs/semantics.md` I. */
export interface Timeouts {
  readonly callTimeoutMs: number;
  readonly sendTimeoutMs: number;
  readonly drainTimeoutMs: number;
}

export interface TransportCoreParts {
  readonly driver: Driver;
  readonly driverName: string;
  readonly realm: string;
  readonly defaultExchange: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly newId: () => string;
  readonly random: () => number;
  readonly timeouts: Timeouts;
  readonly errors: ErrorRegistry;
  readonly serializer: Serializer | undefined;
  readonly propagates: boolean;
}

/** What clients, servers, notifiers and listeners of one transport share. Internal to core. */
export class TransportCore {
  readonly driver: Driver;
  readonly driverName: string;
  readonly capabilities: Capabilities;
  readonly realm: string;
  readonly defaultExchange: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly newId: () => string;
  readonly random: () => number;
  readonly timeouts: Timeouts;
  readonly errors: ErrorRegistry;
  readonly serializer: Serializer | undefined;
  readonly propagates: boolean;
  readonly deadlines: DeadlineTable;
  readonly events: TypedEmitter<TransportEvents>;
  isClosed = false;

  /** @throws InvalidArgumentError for a driver that is not as its manifest says; it is closed. */
  constructor(parts: TransportCoreParts) {
    checkEventContext(parts.driver, parts.driverName);
    this.driver = parts.driver;
    this.driverName = parts.driverName;
    this.capabilities = parts.driver.capabilities;
    this.realm = parts.realm;
    this.defaultExchange = parts.defaultExchange;
    this.clock = parts.clock;
    this.logger = parts.logger;
    this.newId = parts.newId;
    this.random = parts.random;
    this.timeouts = parts.timeouts;
    this.errors = parts.errors;
    this.serializer = parts.serializer;
    this.propagates = parts.propagates;
    this.deadlines = new DeadlineTable(parts.clock);
    this.events = new TypedEmitter(parts.logger);
  }

  /** @throws ClosedError after the transport's `close`. */
  checkOpen(what: string): void {
    if (this.isClosed) throw new ClosedError(`cannot ${what}: the transport is closed; open a new one`);
  }

  address(exchange: string | undefined, topic: string, server?: string, fanout?: boolean): Address {
    return {
      realm: this.realm,
      exchange: exchange ?? this.defaultExchange,
      topic,
      ...(server === undefined ? {} : { server }),
      ...(fanout === true ? { fanout: true as const } : {}),
      memo: undefined,
    };
  }

  /** A cast or an event, with its deadline and its caller's signal. */
  send(
    to: Address,
    message: Request | Event,
    until: number,
    now: number,
    signal: AbortSignal | undefined,
  ): Promise<Receipt> {
    if (signal?.aborted === true) return Promise.reject(abortError(signal));
    const pending = new PendingSend(this.deadlines, to, until, signal);
    this.deadlines.add(pending, now);
    return this.driver.send(to, message, pending).then(
      (receipt) => {
        pending.settled();
        return receipt;
      },
      (error: unknown) => {
        pending.settled();
        throw error;
      },
    );
  }

  /** Something that an operator should read. */
  warn(message: string, error?: unknown): void {
    this.logger.warn(message, { error });
    this.events.emit("warning", error === undefined ? { message } : { message, error });
  }

  reportHandlerError(report: HandlerErrorReport): void {
    this.logger.error("a handler failed", { ...report });
    this.events.emit("handlerError", report);
  }
}

class PendingSend implements SendOptions, Expiring {
  until: number;
  slot = -1;
  readonly #deadlines: DeadlineTable;
  readonly #to: Address;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort: (() => void) | undefined;
  #handle: SendHandle | undefined;

  constructor(deadlines: DeadlineTable, to: Address, until: number, signal: AbortSignal | undefined) {
    this.until = until;
    this.#deadlines = deadlines;
    this.#to = to;
    this.#signal = signal;
    this.#onAbort = signal && (() => this.#handle?.cancel(() => abortError(signal)));
    if (this.#onAbort !== undefined) signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  onCancel(handle: SendHandle): void {
    this.#handle = handle;
  }

  settled(): void {
    this.#deadlines.remove(this);
    if (this.#onAbort !== undefined) this.#signal?.removeEventListener("abort", this.#onAbort);
  }

  expire(): void {
    this.#handle?.cancel((wait) => deadlineError(`the message to ${describeAddress(this.#to)}`, wait));
  }

  abandon(): void {
    const what = describeAddress(this.#to);
    this.#handle?.cancel(() => new ClosedError(`the transport was closed before the message to ${what} was accepted`));
  }
}

/** That a driver has a list of its own for the context of events exactly where its manifest says so (C1). */
function checkEventContext(driver: Driver, name: string): void {
  // As a driver in JavaScript may have it, whatever the type says.
  const keys: unknown = driver.eventContextKeys;
  const isList = Array.isArray(keys) && keys.every((key) => typeof key === "string");
  const word = driver.capabilities.eventContext;
  if (word === "listed" ? isList : keys === undefined) return;
  // Nobody ever gets this driver, so nobody else can close it; why it would not is less than what is told here.
  driver.close().catch(() => {});
  const has = isList ? "a list" : keys === undefined ? "none" : "something that is no list of names";
  const rule = 'a list of names is given with "listed", and only with it';
  throw new InvalidArgumentError(
    `the driver "${name}" is broken: its manifest says eventContext "${word}", and eventContextKeys is ${has}; ${rule}`,
  );
}

/**
 * What a passed deadline means, by what was still in the way (A7, B6, B13).
 * @param limit what passed, for the message.
 */
export function deadlineError(what: string, wait: WaitState, limit: string = "until its deadline"): MessagingError {
  switch (wait) {
    case "no-credit":
      return new OverloadedError(
        `${what} waited ${limit} and no server had room; add servers, or raise their concurrency`,
      );
    case "no-room":
      return new OverloadedError(
        `${what} waited ${limit} and the backend had no room for it: an alarm of memory or disk, or a full queue; nothing was sent`,
      );
    case "no-connection":
      return new TimeoutError(`${what} waited ${limit} for a lost connection; nothing was sent`);
    case "no-listener":
      return new TimeoutError(`${what} waited ${limit} and found no listener; nothing was sent`);
    case "sent":
      return new TimeoutError(`${what} was sent, and its deadline passed without an answer; it may have run`);
  }
}

export function abortError(signal: AbortSignal): AbortError {
  return new AbortError("the caller's signal was aborted", { cause: signal.reason });
}

export function describeAddress(address: Address): string {
  const server = address.server === undefined ? "" : ` on server ${JSON.stringify(address.server)}`;
  return `${address.fanout === true ? "every server of " : ""}topic ${JSON.stringify(address.topic)}${server}`;
}
