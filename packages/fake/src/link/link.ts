import { type Clock, ConnectionLostError, type Timer } from "@trunkline/core/driver";
import type { DownFrame, UpFrame } from "./frames.js";
import { Pipe } from "./pipe.js";
import type { Turns } from "./turns.js";

/**
 * - `up`: frames pass. `frozen`: the session lives and nothing passes.
 * - `silent`: frozen for so long that both ends called it lost; thawing brings it back.
 * - `broken`: a momentary disconnect; it comes back by itself. `cut`: it stays down until it is healed.
 */
export type LinkState = "up" | "frozen" | "silent" | "broken" | "cut" | "ended";
export type LinkEvent = "cut" | "heal" | "break" | "restore" | "freeze" | "thaw" | "detect" | "end";

const NEXT: Readonly<Record<LinkState, Partial<Record<LinkEvent, LinkState>>>> = {
  up: { cut: "cut", break: "broken", freeze: "frozen", end: "ended" },
  frozen: { cut: "cut", break: "broken", thaw: "up", detect: "silent", end: "ended" },
  silent: { cut: "cut", thaw: "up", heal: "up", end: "ended" },
  broken: { cut: "cut", restore: "up", heal: "up", end: "ended" },
  cut: { heal: "up", end: "ended" },
  ended: {},
};

/** The state after an event; events that mean nothing in a state leave it as it is. */
export function nextLinkState(state: LinkState, event: LinkEvent): LinkState {
  return NEXT[state][event] ?? state;
}

/** Whether the session lives, as its ends see it. */
export function isSession(state: LinkState): boolean {
  return state === "up" || state === "frozen";
}

/** What stands at either end of a link. */
export interface LinkEnd<Incoming, Outgoing> {
  received(frame: Incoming): void;
  /** The session is over. `unarrived` is what this end had sent and the other never got. */
  lost(error: ConnectionLostError, unarrived: readonly Outgoing[]): void;
  /** A new session begins. */
  restored(): void;
}

export interface LinkParts {
  readonly peer: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly turns: Turns;
  readonly detectionMs: number;
  readonly reconnectMs: number;
}

/** The simulated connection of one transport to its bus. */
export class Link {
  readonly peer: string;
  readonly clock: Clock;
  readonly #up: Pipe<UpFrame>;
  readonly #down: Pipe<DownFrame>;
  readonly #detectionMs: number;
  readonly #reconnectMs: number;
  #state: LinkState = "up";
  #timer: Timer | undefined;
  #busEnd: LinkEnd<UpFrame, DownFrame> | undefined;
  #transportEnd: LinkEnd<DownFrame, UpFrame> | undefined;

  constructor(parts: LinkParts) {
    this.peer = parts.peer;
    this.clock = parts.clock;
    this.#detectionMs = parts.detectionMs;
    this.#reconnectMs = parts.reconnectMs;
    this.#up = new Pipe(parts.clock, parts.random, parts.turns, (frame) => this.#busEnd?.received(frame));
    this.#down = new Pipe(parts.clock, parts.random, parts.turns, (frame) => this.#transportEnd?.received(frame));
  }

  get state(): LinkState {
    return this.#state;
  }

  /** Frames can be sent; on a frozen link they wait. */
  get isOpen(): boolean {
    return isSession(this.#state);
  }

  connect(busEnd: LinkEnd<UpFrame, DownFrame>, transportEnd: LinkEnd<DownFrame, UpFrame>): void {
    this.#busEnd = busEnd;
    this.#transportEnd = transportEnd;
  }

  /** To the bus. Without a session the frame is lost. */
  sendUp(frame: UpFrame): void {
    if (this.isOpen) this.#up.push(frame);
  }

  /** To the transport. Without a session the frame is lost. */
  sendDown(frame: DownFrame): void {
    if (this.isOpen) this.#down.push(frame);
  }

  setDelay(delayMs: number, jitterMs: number): void {
    for (const pipe of [this.#up, this.#down]) {
      pipe.delayMs = delayMs;
      pipe.jitterMs = jitterMs;
    }
  }

  /** What was sent to the bus arrives there now: the last thing before a transport leaves. */
  flushUp(): void {
    this.#up.flush();
  }

  /** What was sent to the transport arrives there now. */
  flushDown(): void {
    this.#down.flush();
  }

  apply(event: LinkEvent): void {
    const before = this.#state;
    const after = nextLinkState(before, event);
    if (after === before) return;
    this.#state = after;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (after === "frozen") {
      this.#timer = this.clock.setTimer(() => this.apply("detect"), this.#detectionMs, { background: true });
    } else if (after === "broken") {
      this.#timer = this.clock.setTimer(() => this.apply("restore"), this.#reconnectMs);
    }
    for (const pipe of [this.#up, this.#down]) {
      if (after === "frozen") pipe.freeze();
      else pipe.thaw();
    }
    const up = isSession(after) ? [] : this.#up.clear();
    const down = isSession(after) ? [] : this.#down.clear();
    if (after === "ended") return;
    if (isSession(before) && !isSession(after)) this.#lose(after, up, down);
    else if (!isSession(before) && isSession(after)) {
      this.#busEnd?.restored();
      this.#transportEnd?.restored();
    }
  }

  #lose(state: LinkState, up: readonly UpFrame[], down: readonly DownFrame[]): void {
    const why = state === "silent" ? `was silent for ${this.#detectionMs} ms` : "was cut";
    const error = new ConnectionLostError(`the link of ${JSON.stringify(this.peer)} ${why}`, true);
    this.#busEnd?.lost(error, down);
    this.#transportEnd?.lost(error, up);
  }
}
