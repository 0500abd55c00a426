import { EventEmitter } from "eventemitter3";

/** A pending timer. `cancel` is harmless when it has fired or was cancelled. */
export interface Timer {
  cancel(): void;
}

/** Time, injected: the tests' manual clock stands in for it. */
export interface Clock {
  /** Milliseconds on a monotonic clock of no particular origin. */
  now(): number;
  /** Milliseconds since the Unix epoch, UTC. */
  wallNow(): number;
  /** Runs `fn` once after `delayMs`. A timer that is not `background` keeps the process alive until it fires. */
  setTimer(fn: () => void, delayMs: number, options?: { readonly background?: boolean }): Timer;
}

/** Takes console and pino alike. Silent by default: a library never writes to a console unasked. */
export interface Logger {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** What a driver takes from its host and never from globals, so that tests can replace it. */
export interface DriverHost {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Uniform in [0, 1). */
  random(): number;
  /** A new id, unique in the world: a UUID. */
  newId(): string;
}

/** The listening half of a typed emitter. `Events` maps an event's name to its one argument. */
export interface TypedEvents<Events extends object> {
  on<Name extends keyof Events & string>(name: Name, listener: (event: Events[Name]) => void): void;
  once<Name extends keyof Events & string>(name: Name, listener: (event: Events[Name]) => void): void;
  off<Name extends keyof Events & string>(name: Name, listener: (event: Events[Name]) => void): void;
}

/**
 * A typed map of events over eventemitter3. An `error` that nobody hears crashes nobody, and a listener that throws is
 * reported to the logger and keeps no other from hearing (E5).
 */
export class TypedEmitter<Events extends object> implements TypedEvents<Events> {
  readonly #emitter: EventEmitter = new EventEmitter();
  readonly #logger: Logger;
  readonly #guards: WeakMap<object, (event: never) => void> = new WeakMap();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  on<Name extends keyof Events & string>(name: Name, listener: (event: Events[Name]) => void): void {
    this.#emitter.on(name, this.#guard(name, listener));
  }

  once<Name extends keyof Events & string>(name: Name, listener: (event: Events[Name]) => void): void {
    this.#emitter.once(name, this.#guard(name, listener));
  }

  off<Name extends keyof Events & string>(name: Name, listener: (event: Events[Name]) => void): void {
    this.#emitter.off(name, this.#guard(name, listener));
  }

  emit<Name extends keyof Events & string>(name: Name, event: Events[Name]): void {
    this.#emitter.emit(name, event);
  }

  /** The same wrapper for the same listener each time, so that `off` finds it. */
  #guard<Event>(name: string, listener: (event: Event) => void): (event: Event) => void {
    const known = this.#guards.get(listener);
    // What was stored for this listener takes what this listener takes.
    if (known !== undefined) return known as (event: Event) => void;
    const guarded = (event: Event): void => {
      try {
        listener(event);
      } catch (error) {
        this.#logger.error(`a listener of "${name}" threw`, { error });
      }
    };
    this.#guards.set(listener, guarded);
    return guarded;
  }
}

/** Node's own bound; above it a timer fires at once. */
const LONGEST_DELAY_MS = 2 ** 31 - 1;

/** The clock of the process. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  setTimer(fn, delayMs, options) {
    // Node drops the fraction and may fire within a millisecond before the time; nothing that waits here may be early.
    const handle = setTimeout(fn, Math.min(LONGEST_DELAY_MS, Math.ceil(delayMs) + 1));
    if (options?.background === true) handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
};

const ignore = (): void => {};

/** The default: says nothing. */
export const silentLogger: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };
