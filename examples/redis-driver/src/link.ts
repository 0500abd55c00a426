import {
  AbortError,
  AuthError,
  backoffDelayMs,
  ConnectError,
  type DriverHost,
  type OpenOptions,
  resolveBackoff,
} from "@trunkline/core/driver";
import { Redis } from "ioredis";

/** For how long a blocked read waits at most, in seconds; then it is asked again. */
const READ_SECONDS = 5;

/** What was read of one list. */
export interface Found {
  readonly list: string;
  readonly messages: readonly Buffer[];
}

/**
 * Takes up to `count` messages out of the first of `lists` that has any, and waits where none has: one bound over all lists,
 * which XREADGROUP does not have. Undefined after a while without any, and where the connection was lost.
 */
export async function takeFrom(reader: Redis, lists: readonly string[], count: number): Promise<Found | undefined> {
  try {
    const found = await reader.callBuffer("BLMPOP", READ_SECONDS, lists.length, ...lists, "LEFT", "COUNT", count);
    if (!Array.isArray(found)) return undefined;
    // BLMPOP answers with a list's name and its messages.
    const [list, messages] = found as [Buffer, Buffer[]];
    return { list: String(list), messages };
  } catch {
    // A turn of the event loop: whoever reads again at once would keep the end of the connection from being heard.
    await new Promise((resolve) => setImmediate(resolve));
    return undefined;
  }
}

/** Where Redis is. */
export interface Place {
  readonly host: string;
  readonly port: number;
}

/**
 * The connection for commands. It is made again by itself; a command that was written when it was lost rejects and is never
 * repeated (B12), and what is not written yet waits outside, where it can be given up.
 */
export class Link {
  readonly redis: Redis;
  readonly #place: Place;
  readonly #host: DriverHost;
  readonly #waiting = new Set<() => void>();
  /** Redis's clock less this process's, in ms. */
  #ahead = 0;

  private constructor(place: Place, host: DriverHost) {
    this.#place = place;
    this.#host = host;
    this.redis = this.connection();
    this.redis.on("ready", () => {
      const waiting = [...this.#waiting];
      this.#waiting.clear();
      for (const write of waiting) write();
    });
  }

  /** Resolves when Redis answers (E1). */
  static async open(place: Place, host: DriverHost, { connectTimeoutMs, signal }: OpenOptions): Promise<Link> {
    const link = new Link(place, host);
    try {
      await link.#firstReady(connectTimeoutMs, signal);
      await link.readClock();
      return link;
    } catch (error) {
      link.redis.disconnect();
      if (error instanceof ConnectError || error instanceof AbortError) throw error;
      const told = error instanceof Error ? error.message : String(error);
      // The first word of an error of Redis's is its code.
      if (/^(NOAUTH|WRONGPASS|NOPERM) /.test(told)) throw new AuthError(`Redis at ${link.name} refused: ${told}`);
      throw new ConnectError(`cannot use Redis at ${link.name}: ${told}`, { cause: error });
    }
  }

  get name(): string {
    return `${this.#place.host}:${this.#place.port}`;
  }

  get isReady(): boolean {
    return this.redis.status === "ready";
  }

  /** Another connection to the same place: one that blocks can do nothing else. */
  connection(): Redis {
    const backoff = resolveBackoff({ maxDelayMs: 1_000, random: () => this.#host.random() });
    const redis = new Redis({
      host: this.#place.host,
      port: this.#place.port,
      enableReadyCheck: false,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: null,
      disableClientInfo: true,
      disconnectTimeout: 100, // a timer that it forgets where the connection had ended already
      retryStrategy: (attempt) => backoffDelayMs(attempt, backoff),
    });
    redis.on("error", () => {}); // what it means is told by `close` and by the commands
    return redis;
  }

  /** Runs `write` now, or as soon as there is a connection; what it returns gives it up, and is false where it ran. */
  whenReady(write: () => void): () => boolean {
    if (this.isReady) {
      write();
      return () => false;
    }
    this.#waiting.add(write);
    return () => this.#waiting.delete(write);
  }

  async readClock(): Promise<void> {
    const [seconds, micros] = await this.redis.time();
    this.#ahead = Number(seconds) * 1_000 + Number(micros) / 1_000 - this.#host.clock.now();
  }

  /** A deadline of this process, on Redis's clock. */
  toRedis(time: number): number {
    return time + this.#ahead;
  }

  fromRedis(time: number): number {
    return time - this.#ahead;
  }

  #firstReady(timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      let last: Error | undefined;
      const end = (settle: () => void): void => {
        timer.cancel();
        signal?.removeEventListener("abort", onAbort);
        this.redis.off("error", onError);
        settle();
      };
      const onError = (error: Error): void => {
        last = error;
      };
      const onAbort = (): void =>
        end(() => reject(new AbortError("opening the transport was aborted", { cause: signal?.reason })));
      const timer = this.#host.clock.setTimer(() => {
        const told = `no Redis answered at ${this.name} within ${timeoutMs} ms`;
        end(() => reject(new ConnectError(last === undefined ? told : `${told}: ${last.message}`, { cause: last })));
      }, timeoutMs);
      this.redis.on("error", onError);
      this.redis.once("ready", () => end(resolve));
      signal?.addEventListener("abort", onAbort);
      if (signal?.aborted === true) onAbort();
    });
  }
}
