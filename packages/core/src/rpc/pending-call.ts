import type { Expiring } from "../deadlines.js";
import { ClosedError, ConnectionLostError, type MessagingError, SerializationError, TimeoutError } from "../errors.js";
import type { Address, CallHandle, CallOptions, Outcome, ReplySink, Request, WaitState } from "../seam.js";
import type { Serializer } from "../serializer.js";
import { abortError, deadlineError, describeAddress, type TransportCore } from "../transport-core.js";
import type { JsonObject, Value } from "../value.js";

/** What a result goes through on its way to the caller: with the context as the application gave it. */
export interface ReplyReader {
  readonly serializer: Serializer;
  readonly context: JsonObject;
}

/**
 * One call in flight: the caller's one promise, the driver's sink, and the deadline's entry in one object.
 *
 * It settles once; what comes later is the driver's to drop and count (B9).
 */
export class PendingCall implements ReplySink, Expiring, CallOptions {
  /** When the table gives this up: the deadline, or sooner where beats stopped. */
  until: number;
  slot = -1;
  readonly monitorMs: number | undefined;
  readonly #core: TransportCore;
  readonly #to: Address;
  readonly #request: Request;
  readonly #reply: ReplyReader | undefined;
  readonly #resolve: (result: unknown) => void;
  readonly #reject: (error: unknown) => void;
  readonly #deadline: number;
  #handle: CallHandle | undefined;
  #signal: AbortSignal | undefined;
  #onAbort: (() => void) | undefined;
  #isSettled = false;

  private constructor(
    core: TransportCore,
    to: Address,
    request: Request,
    until: number,
    monitorMs: number | undefined,
    reply: ReplyReader | undefined,
    resolve: (result: unknown) => void,
    reject: (error: unknown) => void,
  ) {
    this.until = until;
    this.monitorMs = monitorMs;
    this.#core = core;
    this.#to = to;
    this.#request = request;
    this.#reply = reply;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#deadline = until;
  }

  /** Sends the request; every outcome is the promise's. */
  static start(
    core: TransportCore,
    to: Address,
    request: Request,
    until: number,
    now: number,
    monitorMs: number | undefined,
    signal: AbortSignal | undefined,
    reply: ReplyReader | undefined,
  ): Promise<unknown> {
    if (signal?.aborted === true) return Promise.reject(abortError(signal));
    return new Promise((resolve, reject) => {
      const pending = new PendingCall(core, to, request, until, monitorMs, reply, resolve, reject);
      // The driver reads the whole deadline; the shorter wait for beats is core's own affair.
      pending.#handle = core.driver.call(to, request, pending, pending);
      if (pending.#isSettled) return;
      if (monitorMs !== undefined) pending.until = Math.min(until, now + monitorMs);
      core.deadlines.add(pending, now);
      if (signal !== undefined) pending.#listen(signal);
    });
  }

  accepted(): void {}

  beat(): void {
    if (this.monitorMs !== undefined) this.until = Math.min(this.#deadline, this.#core.clock.now() + this.monitorMs);
  }

  item(): void {}

  end(outcome: Outcome): void {
    if (!this.#finish()) return;
    // A handler that heeds its signal fails at the deadline itself, a moment before the sweep here: that is no answer (B6).
    if (!outcome.ok && this.#core.clock.now() >= this.#deadline) this.#reject(deadlineError(this.#describe(), "sent"));
    else if (!outcome.ok) this.#reject(this.#core.errors.rebuild(outcome.failure, this.#describe()));
    else if (this.#reply === undefined) this.#resolve(outcome.value);
    else this.#resolveThrough(this.#reply, outcome.value);
  }

  lost(error: MessagingError, mayHaveRun: boolean): void {
    if (!this.#finish()) return;
    const isLate = error instanceof ConnectionLostError && this.#core.clock.now() >= this.#deadline;
    this.#reject(isLate ? this.#tooLate(error, mayHaveRun) : error);
  }

  expire(): void {
    if (this.#isSettled) return;
    const wait = this.#handle?.cancel("deadline") ?? "sent";
    if (!this.#finish()) return;
    this.#reject(this.until >= this.#deadline ? deadlineError(this.#describe(), wait) : this.#silence(wait));
  }

  abandon(): void {
    if (this.#isSettled) return;
    const wait = this.#handle?.cancel("closed") ?? "sent";
    if (!this.#finish()) return;
    const what = this.#describe();
    const fate = wait === "sent" ? "was in flight; it may have run" : "waited to be sent; nothing was sent";
    this.#reject(new ClosedError(`the transport was closed while ${what} ${fate}`));
  }

  #listen(signal: AbortSignal): void {
    this.#signal = signal;
    this.#onAbort = () => {
      if (this.#isSettled) return;
      this.#handle?.cancel("aborted");
      if (this.#finish()) this.#reject(abortError(signal));
    };
    signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** True the first time: everything held for the call is freed. */
  #finish(): boolean {
    if (this.#isSettled) return false;
    this.#isSettled = true;
    this.#core.deadlines.remove(this);
    if (this.#onAbort !== undefined) this.#signal?.removeEventListener("abort", this.#onAbort);
    return true;
  }

  /** The monitor time has passed without a beat (B8): of a server, or of anything that would have taken the request to one. */
  #silence(wait: WaitState): MessagingError {
    if (wait !== "sent") return deadlineError(this.#describe(), wait, `${this.monitorMs} ms (monitorMs)`);
    const what = this.#describe();
    return new TimeoutError(`${what}: the server has not been heard of for ${this.monitorMs} ms; it may have run`);
  }

  /** Its time was over before the loss: a server that drops what is too late does so before the sweep here (B6). */
  #tooLate(cause: ConnectionLostError, mayHaveRun: boolean): TimeoutError {
    const fate = mayHaveRun ? "it may have run" : "it did not run";
    return new TimeoutError(`${this.#describe()} had no answer until its deadline; ${fate}`, { cause });
  }

  #resolveThrough({ serializer, context }: ReplyReader, value: Value): void {
    let result: unknown;
    try {
      result = serializer.deserializeValue(value, context);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      const message = `the result of ${this.#describe()} could not be deserialized: ${reason}`;
      this.#reject(new SerializationError(message, { cause, remote: true }));
      return;
    }
    this.#resolve(result);
  }

  #describe(): string {
    return `${this.#request.method} on ${describeAddress(this.#to)}`;
  }
}
