import { AbortError, TimeoutError } from "../errors.js";
import type { Clock, Timer } from "../host.js";
import type { Delivery, Request } from "../seam.js";
import type { Target } from "../target.js";
import type { JsonObject } from "../value.js";
import { DEFAULT_VERSION } from "./version.js";

/** What a handler knows of the request it answers, beside the params. */
export interface ServerCall {
  readonly method: string;
  /** The request context (D1): this handler's own copy. */
  readonly context: JsonObject;
  readonly headers: Readonly<Record<string, string>>;
  /** As it was sent: with `server` where it was directed, `fanout` where it was one; `version` as asked for, or 1.0. */
  readonly target: Target;
  /** Milliseconds left until the caller's deadline; Infinity where there is none (casts). 0 when it has passed. */
  readonly remainingMs: number;
  /**
   * Fires when the caller cancels (where the manifest claims `cancel`), at the deadline, and when the server's drain time is
   * over. Made when first read: on Node 20 that costs some microseconds.
   */
  readonly signal: AbortSignal;
  /** Who asks, for people and logs. */
  readonly peer: string;
  /** Unique to this request. */
  readonly id: string;
}

/** The `call` that a handler gets; every costly part is made when it is read. */
export class HandlerCall implements ServerCall {
  readonly #delivery: Delivery;
  readonly #request: Request;
  readonly #clock: Clock;
  readonly context: JsonObject;
  /** Its neighbours in the server's list of what runs; the list's to set. */
  previous: HandlerCall | undefined = undefined;
  next: HandlerCall | undefined = undefined;
  #controller: AbortController | undefined;
  #timer: Timer | undefined;
  #target: Target | undefined;
  #abortReason: AbortError | undefined;
  #isFinished = false;

  constructor(delivery: Delivery, request: Request, context: JsonObject, clock: Clock) {
    this.#delivery = delivery;
    this.#request = request;
    this.#clock = clock;
    this.context = context;
  }

  get method(): string {
    return this.#request.method;
  }

  get headers(): Readonly<Record<string, string>> {
    return this.#request.headers;
  }

  get peer(): string {
    return this.#delivery.peer;
  }

  get id(): string {
    return this.#request.id;
  }

  get target(): Target {
    if (this.#target === undefined) {
      const { exchange, topic, server, fanout } = this.#delivery.to;
      const { namespace, version } = this.#request;
      this.#target = Object.freeze({
        exchange,
        topic,
        ...(server === undefined ? {} : { server }),
        ...(fanout === undefined ? {} : { fanout }),
        ...(namespace === undefined ? {} : { namespace }),
        version: version ?? DEFAULT_VERSION,
      });
    }
    return this.#target;
  }

  get remainingMs(): number {
    const until = this.#delivery.until;
    return until === undefined ? Number.POSITIVE_INFINITY : Math.max(0, until - this.#clock.now());
  }

  get signal(): AbortSignal {
    this.#controller ??= this.#watch();
    return this.#controller.signal;
  }

  /** The work is over: frees the deadline's timer. True the first time. */
  finish(): boolean {
    if (this.#isFinished) return false;
    this.#isFinished = true;
    this.#timer?.cancel();
    return true;
  }

  /** The server's drain time is over. A handler that looks at its signal only later finds it aborted. */
  abort(reason: string): void {
    this.#abortReason = new AbortError(reason);
    this.#timer?.cancel();
    this.#controller?.abort(this.#abortReason);
  }

  #watch(): AbortController {
    const controller = new AbortController();
    if (this.#abortReason !== undefined) controller.abort(this.#abortReason);
    this.#delivery.onCancel((reason) => controller.abort(new AbortError(`the caller gave up: ${reason}`)));
    const leftMs = this.remainingMs;
    if (controller.signal.aborted || this.#isFinished || leftMs === Number.POSITIVE_INFINITY) return controller;
    const expire = (): void => controller.abort(new TimeoutError("the caller's deadline has passed"));
    if (leftMs === 0) expire();
    else this.#timer = this.#clock.setTimer(expire, leftMs, { background: true });
    return controller;
  }
}
