import type { Socket } from "node:net";

/** What becomes of bytes on their way. Each holds for what comes from then on. */
export interface LinkConditions {
  /** How long each piece is under way, give or take `jitterMs`. In order whatever happens. @default 0 */
  readonly delayMs?: number;
  /** @default 0 */
  readonly jitterMs?: number;
  /** Each way. @default as many as there are */
  readonly bytesPerSecond?: number;
  /**
   * Bytes of one way, or both, go nowhere, and nobody is told: no end, no reset. `requests` are those from the driver to the broker.
   * @default "none"
   */
  readonly swallows?: "none" | "requests" | "replies" | "both";
}

/** Pieces of a throttled way are no larger, so that it flows evenly. */
const PIECE_BYTES = 1_024;
/** So much may be under way before the sender is held up. */
const MOST_UNDER_WAY = 64 * 1024;

interface Piece {
  readonly dueAt: number;
  readonly bytes: Buffer;
}

/** What a flow asks of its relay. */
export interface RelayRules {
  readonly conditions: () => LinkConditions;
  /** What of a chunk goes on: all, or what is left before a cut that was ordered. */
  readonly passes: (bytes: Buffer) => Buffer;
  readonly swallowed: (bytes: number) => void;
  /** Of jitter: uniform in [0, 1). */
  readonly random: () => number;
}

/** One way of one connection: reads from a socket, and writes to another as the conditions allow. */
export class RelayFlow {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #conditions: () => LinkConditions;
  readonly #isSwallowed: () => boolean;
  readonly #passes: (bytes: Buffer) => Buffer;
  readonly #swallowed: (bytes: number) => void;
  readonly #random: () => number;
  readonly #underWay: Piece[] = [];
  #underWayBytes = 0;
  #lastDueAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #hasEnded = false;

  constructor(from: Socket, to: Socket, way: "requests" | "replies", rules: RelayRules) {
    this.#from = from;
    this.#to = to;
    this.#conditions = rules.conditions;
    this.#isSwallowed = () => {
      const { swallows = "none" } = rules.conditions();
      return swallows === "both" || swallows === way;
    };
    this.#passes = rules.passes;
    this.#swallowed = rules.swallowed;
    this.#random = rules.random;
    from.on("data", (bytes: Buffer) => this.#take(bytes));
    from.on("end", () => this.#end());
    to.on("drain", () => this.#resume());
  }

  /** Nothing more is written. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#underWay.length = 0;
  }

  #take(chunk: Buffer): void {
    if (this.#isSwallowed()) {
      this.#swallowed(chunk.length);
      return;
    }
    const bytes = this.#passes(chunk);
    const { bytesPerSecond } = this.#conditions();
    const step = bytesPerSecond === undefined ? bytes.length : PIECE_BYTES;
    for (let start = 0; start < bytes.length; start += step) this.#delay(bytes.subarray(start, start + step));
    if (this.#underWayBytes > MOST_UNDER_WAY) this.#from.pause();
  }

  #delay(bytes: Buffer): void {
    const { delayMs = 0, jitterMs = 0, bytesPerSecond } = this.#conditions();
    const now = performance.now();
    const arrivesAt = now + Math.max(0, delayMs + (2 * this.#random() - 1) * jitterMs);
    const takesMs = bytesPerSecond === undefined ? 0 : (1_000 * bytes.length) / bytesPerSecond;
    const dueAt = Math.max(arrivesAt, this.#lastDueAt) + takesMs;
    if (dueAt <= now && this.#underWay.length === 0) {
      this.#write(bytes);
      return;
    }
    this.#lastDueAt = dueAt;
    this.#underWay.push({ dueAt, bytes });
    this.#underWayBytes += bytes.length;
    this.#schedule();
  }

  #schedule(): void {
    const [first] = this.#underWay;
    if (first === undefined || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => this.#deliver(), Math.max(1, first.dueAt - performance.now()));
  }

  #deliver(): void {
    this.#timer = undefined;
    const now = performance.now();
    const late = this.#underWay.findIndex(({ dueAt }) => dueAt > now);
    const due = this.#underWay.splice(0, late < 0 ? this.#underWay.length : late);
    for (const { bytes } of due) {
      this.#underWayBytes -= bytes.length;
      this.#write(bytes);
    }
    this.#schedule();
    if (this.#underWayBytes <= MOST_UNDER_WAY && !this.#to.writableNeedDrain) this.#resume();
    if (this.#hasEnded && this.#underWay.length === 0) this.#to.end();
  }

  #write(bytes: Buffer): void {
    if (this.#to.writable && !this.#to.write(bytes)) this.#from.pause();
  }

  #resume(): void {
    if (this.#underWayBytes <= MOST_UNDER_WAY) this.#from.resume();
  }

  /** The sender has said all. Where its bytes are swallowed, so is that. */
  #end(): void {
    this.#hasEnded = true;
    if (this.#underWay.length === 0 && !this.#isSwallowed()) this.#to.end();
  }
}
