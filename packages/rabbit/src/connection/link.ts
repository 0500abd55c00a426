// Long because a link is one life: made, lost, made again, given up; what happens in each state stands side by side.
import {
  AbortError,
  type AuthError,
  type Clock,
  ClosedError,
  ConnectError,
  type Connection,
  type ConnectionEvent,
  FIRST_CONNECTION,
  type MessagingError,
  nextConnection,
  type Timer,
} from "@trunkline/core/driver";
import { type DialFailure, dialFailure, lostConnection } from "./broker-error.js";
import { type DialedConnection, type DialSettings, dial } from "./dial.js";
import { type BrokerHost, type HostOrder, placeOf } from "./host-order.js";
import { Session } from "./session.js";

/** What lives on a link: told of each session, and of its end. */
export interface LinkUser {
  /** A session has begun; what the user had on the one before is gone. */
  opened(session: Session): void;
  /** The session has ended. Called once for each `opened`. */
  lost(error: MessagingError): void;
  /** The broker refuses this process: what waits for the link need not wait longer. */
  refused?(error: AuthError): void;
  /** The broker takes nothing for now (an alarm of memory or disk), or does so again. */
  blocked?(reason: string | undefined): void;
}

/** How long to wait between rounds of attempts. */
export interface ReconnectPace {
  /** The wait after so many rounds have failed, from 1. */
  delayMs(round: number): number;
}

export interface LinkSettings {
  /** `send` or `receive`: in the connection's name at the broker. */
  readonly role: string;
  /** The name at the broker, of which the role becomes a part. */
  readonly name: string;
  readonly dial: DialSettings;
  readonly hosts: HostOrder;
  readonly pace: ReconnectPace;
  readonly clock: Clock;
  /** Something has changed that `state`, `refusal` or `blockedReason` tells of. */
  onChange(link: Link, detail: string, error?: MessagingError): void;
}

/** Someone who waits for the link to be open. */
interface Waiter {
  resolve(session: Session): void;
  reject(error: MessagingError): void;
}

/** A broker that is starting may refuse a vhost that it has not loaded yet: it is asked again for so long. */
const VHOST_PATIENCE_MS = 2_000;
/** How long a goodbye to the broker may take. */
const GOODBYE_MS = 2_000;

/**
 * One supervised connection: made on demand, made again with backoff whenever it is lost, to one host after the other.
 *
 * Refused credentials end the first opening at once. Later they do not end the link, since they may be put right: it goes on
 * trying, and tells its users so that nobody waits in vain.
 */
export class Link {
  readonly role: string;
  readonly #settings: LinkSettings;
  readonly #users: Set<LinkUser> = new Set();
  readonly #waiters: Set<Waiter> = new Set();
  readonly #ending: AbortController = new AbortController();
  #connection: Connection = FIRST_CONNECTION;
  #session: Session | undefined;
  #dialed: DialedConnection | undefined;
  #sessions = 0;
  #isStarted = false;
  #refusal: AuthError | undefined;
  #vhostRefusedAt: number | undefined;
  #lastTrouble: MessagingError | undefined;
  #blockedReason: string | undefined;
  #timer: Timer | undefined;
  #closing: Promise<void> | undefined;

  constructor(settings: LinkSettings) {
    this.role = settings.role;
    this.#settings = settings;
  }

  get state(): Connection["name"] | "unused" {
    return this.#isStarted ? this.#connection.name : "unused";
  }

  /** The session while it is open. */
  get session(): Session | undefined {
    return this.#session;
  }

  /** Why the broker refused this process when it was last asked. */
  get refusal(): AuthError | undefined {
    return this.#refusal;
  }

  /** What the broker gave as the reason for taking nothing. */
  get blockedReason(): string | undefined {
    return this.#blockedReason;
  }

  get sessions(): number {
    return this.#sessions;
  }

  /** From now on the user is told; at once, where the link is open. Opens the link where it is unused. */
  use(user: LinkUser): void {
    this.#users.add(user);
    if (this.#session !== undefined) user.opened(this.#session);
    else this.#start();
  }

  leave(user: LinkUser): void {
    this.#users.delete(user);
  }

  /**
   * Resolves with the session once the link is open.
   * @throws ConnectError after `withinMs`, AuthError as soon as the broker refuses, AbortError, ClosedError.
   */
  ready(withinMs: number, signal?: AbortSignal): Promise<Session> {
    if (this.#connection.name === "closed") return Promise.reject(closedError());
    if (signal?.aborted === true) return Promise.reject(abortError(signal));
    if (this.#session !== undefined) return Promise.resolve(this.#session);
    if (this.#refusal !== undefined) return Promise.reject(this.#refusal);
    return new Promise((resolve, reject) => {
      const timer = this.#settings.clock.setTimer(() => waiter.reject(this.#lateError(withinMs)), withinMs);
      const onAbort = (): void => waiter.reject(abortError(signal));
      const done = (): void => {
        timer.cancel();
        signal?.removeEventListener("abort", onAbort);
        this.#waiters.delete(waiter);
      };
      const waiter: Waiter = {
        resolve: (session) => {
          done();
          resolve(session);
        },
        reject: (error) => {
          done();
          reject(error);
        },
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#waiters.add(waiter);
      this.#start();
    });
  }

  /** Says goodbye to the broker and frees everything. What was written before has been taken by the broker. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #start(): void {
    if (this.#isStarted || this.#connection.name === "closed") return;
    this.#isStarted = true;
    void this.#attempt(1);
  }

  /** Tries one host after the other; a wait comes after each round. */
  async #attempt(round: number): Promise<void> {
    this.#timer = undefined;
    const { hosts, dial: settings, name, role, clock } = this.#settings;
    const { host, isLast } = hosts.next();
    const late = new AbortController();
    const timer = clock.setTimer(
      () => late.abort(new Error(`no answer within ${settings.dialTimeoutMs} ms`)),
      settings.dialTimeoutMs,
    );
    const signal = AbortSignal.any([this.#ending.signal, late.signal]);
    let dialed: DialedConnection;
    try {
      dialed = await dial(host, settings, `${name}:${role}`, signal);
    } catch (error) {
      timer.cancel();
      if (this.#connection.name !== "closed") {
        // The socket's own error says only that it was aborted.
        const cause = late.signal.aborted ? late.signal.reason : error;
        this.#failed(dialFailure(cause, placeOf(host), settings.vhost), round, isLast);
      }
      return;
    }
    timer.cancel();
    if (this.#connection.name === "closed") dialed.destroy();
    else this.#opened(dialed, host);
  }

  #opened(dialed: DialedConnection, host: BrokerHost): void {
    const place = placeOf(host);
    this.#dialed = dialed;
    this.#sessions += 1;
    const session = new Session(this.#sessions, place, dialed);
    this.#session = session;
    this.#refusal = undefined;
    this.#vhostRefusedAt = undefined;
    this.#lastTrouble = undefined;
    this.#apply({ type: "opened" });
    const { model } = dialed;
    let cause: unknown;
    model.on("error", (error) => {
      cause = error;
    });
    model.on("close", (error?: Error) => this.#lost(session, place, error ?? cause));
    model.on("blocked", (reason) => this.#setBlocked(reason));
    model.on("unblocked", () => this.#setBlocked(undefined));
    this.#settings.onChange(this, `connected to rabbit at ${place} (${this.role})`);
    for (const user of [...this.#users]) user.opened(session);
    for (const waiter of [...this.#waiters]) waiter.resolve(session);
  }

  #failed(failure: DialFailure, round: number, isLast: boolean): void {
    this.#lastTrouble = failure.error;
    // Where several hosts are listed another one may know better.
    if (isLast && failure.trouble !== "network" && this.#isFinal(failure)) this.#refuse(failure.error);
    if (this.#connection.name === "closed") return;
    this.#settings.onChange(this, failure.error.message, failure.error);
    this.#apply({ type: "lost" });
    const delayMs = isLast ? this.#settings.pace.delayMs(round) : 0;
    this.#timer = this.#settings.clock.setTimer(() => {
      this.#apply({ type: "retry" });
      void this.#attempt(isLast ? round + 1 : round);
    }, delayMs);
  }

  /** A vhost is refused for a moment while its broker starts. */
  #isFinal({ trouble }: DialFailure): boolean {
    if (trouble !== "vhost") return true;
    const now = this.#settings.clock.now();
    this.#vhostRefusedAt ??= now;
    return now - this.#vhostRefusedAt >= VHOST_PATIENCE_MS;
  }

  #refuse(error: AuthError): void {
    this.#refusal = error;
    for (const waiter of [...this.#waiters]) waiter.reject(error);
    for (const user of [...this.#users]) user.refused?.(error);
  }

  #lost(session: Session, place: string, cause: unknown): void {
    if (this.#session !== session) return;
    session.ended();
    this.#session = undefined;
    this.#dialed?.destroy();
    this.#dialed = undefined;
    const error = lostConnection(place, cause);
    this.#setBlocked(undefined);
    this.#apply({ type: "lost" });
    for (const user of [...this.#users]) user.lost(error);
    if (this.#connection.name !== "waiting") return;
    this.#settings.onChange(this, error.message, error);
    // At once: mostly it was only this connection. What fails then is followed by a wait.
    this.#timer = this.#settings.clock.setTimer(() => {
      this.#apply({ type: "retry" });
      void this.#attempt(1);
    }, this.#settings.pace.delayMs(0));
  }

  #setBlocked(reason: string | undefined): void {
    if (this.#blockedReason === reason) return;
    this.#blockedReason = reason;
    const detail = reason === undefined ? "rabbit takes messages again" : `rabbit takes no messages for now: ${reason}`;
    this.#settings.onChange(this, detail);
    for (const user of [...this.#users]) user.blocked?.(reason);
  }

  async #close(): Promise<void> {
    const session = this.#session;
    const dialed = this.#dialed;
    this.#session = undefined;
    this.#dialed = undefined;
    this.#apply({ type: "end" });
    this.#timer?.cancel();
    for (const waiter of [...this.#waiters]) waiter.reject(closedError());
    if (session !== undefined) session.ended();
    if (dialed !== undefined) await this.#sayGoodbye(dialed);
    this.#ending.abort(closedError());
    this.#users.clear();
  }

  /** The broker's answer says that it has taken all that was written before. It is not waited for without end. */
  async #sayGoodbye(dialed: DialedConnection): Promise<void> {
    let timer: Timer | undefined;
    const late = new Promise<void>((resolve) => {
      timer = this.#settings.clock.setTimer(resolve, GOODBYE_MS);
    });
    // It may have ended in this very moment: then there is nobody to say goodbye to.
    await Promise.race([dialed.model.close().catch(() => {}), late]);
    timer?.cancel();
    dialed.destroy();
  }

  #apply(event: ConnectionEvent): void {
    this.#connection = nextConnection(this.#connection, event);
  }

  #lateError(withinMs: number): MessagingError {
    const why = this.#lastTrouble === undefined ? "" : `; last: ${this.#lastTrouble.message}`;
    return new ConnectError(`no connection to rabbit within ${withinMs} ms${why}`, { cause: this.#lastTrouble });
  }
}

function closedError(): ClosedError {
  return new ClosedError("the transport is closed; open a new one");
}

function abortError(signal: AbortSignal | undefined): AbortError {
  return new AbortError("opening the transport was aborted", { cause: signal?.reason });
}
