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
  #controller: AbortController | undefined;
  #timer: Timer | undefined;
  #target: Target | undefined;

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
    if (this.#controller === undefined) {
      const controller = new AbortController();
      this.#controller = controller;
      this.#delivery.onCancel((reason) => controller.abort(new AbortError(`the caller gave up: ${reason}`)));
      const leftMs = this.remainingMs;
      if (leftMs !== Number.POSITIVE_INFINITY) {
        const expire = (): void => controller.abort(new TimeoutError("the caller's deadline has passed"));
        this.#timer = this.#clock.setTimer(expire, leftMs, { background: true });
      }
    }
    return this.#controller.signal;
  }

  /** The work is over: frees the deadline's timer. */
  finish(): void {
    this.#timer?.cancel();
  }

  /** The server's drain time is over. Nothing happens where the handler never looked at its signal. */
  abort(reason: string): void {
    this.#controller?.abort(new AbortError(reason));
  }
}
