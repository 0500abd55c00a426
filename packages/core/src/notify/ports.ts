import type { Capabilities } from "../capabilities.js";
import type { Clock, Logger } from "../host.js";
import type { Address, Driver, Event, Receipt } from "../seam.js";
import type { Serializer } from "../serializer.js";
import type { JsonObject } from "../value.js";
import type { ContextFilter } from "./context-filter.js";

/** What `handlerError` tells of a notification. */
export interface NotificationFailure {
  readonly error: unknown;
  readonly topic: string;
  /** Absent where it concerns a batch of several types. */
  readonly eventType?: string;
}

/** Something that an operator should read. */
export interface NotifyWarning {
  readonly message: string;
  readonly error?: unknown;
}

/** What notifiers and listeners need of the transport that made them. Internal to core. */
export interface NotifyHost {
  readonly driver: Pick<Driver, "listen">;
  readonly driverName: string;
  readonly capabilities: Capabilities;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly realm: string;
  readonly defaultExchange: string;
  readonly sendTimeoutMs: number;
  readonly drainTimeoutMs: number;
  readonly serializer: Serializer;
  /** Of notifiers that have none of their own (C1). */
  readonly contextFilter: ContextFilter;
  newId(): string;
  /** @throws ClosedError after the transport's `close`. */
  checkOpen(what: string): void;
  /** Encodes before it returns; never throws synchronously; owns the deadline. */
  send(
    to: Address,
    event: Event,
    options: { readonly timeoutMs: number; readonly signal?: AbortSignal },
  ): Promise<Receipt>;
  reportFailure(failure: NotificationFailure): void;
  warn(warning: NotifyWarning): void;
  /** From now on handlers run with their context, because something exists that could pass it on (D1). */
  wantContext(): void;
  runInContext<Result>(context: JsonObject, until: number | undefined, fn: () => Result): Result;
  /** The context of the handler that runs this code, if any. */
  currentContext(): JsonObject | undefined;
}
