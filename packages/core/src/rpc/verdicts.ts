import type { Beats } from "../kit/beats.js";
import type { Delivery, Outcome, Request } from "../seam.js";
import type { TransportCore } from "../transport-core.js";
import { type FailedOutcome, untravelledOutcome } from "./outcomes.js";

/** How each request of a server ends: with a reply, a refusal, dropped or handed back; its beats end with it (B8). */
export class Verdicts {
  readonly #core: TransportCore;
  readonly #beats: Beats;

  constructor(core: TransportCore, beats: Beats) {
    this.#core = core;
    this.#beats = beats;
  }

  /** Replies; an outcome that cannot travel is replaced by the reason (D3, D4). */
  settle(delivery: Delivery, outcome: Outcome): void {
    this.#beats.stop(delivery);
    if (!delivery.wantsReply) {
      delivery.settle("done");
      return;
    }
    try {
      delivery.settle("done", outcome);
    } catch (error) {
      this.#settleUntravelled(delivery, error);
    }
  }

  /** Never throws: what may not even travel as its reason (a path as long as a message may be) leaves the caller to its deadline. */
  #settleUntravelled(delivery: Delivery, reason: unknown): void {
    // Core listens for rpc only.
    const { method } = delivery.message as Request;
    try {
      delivery.settle("done", untravelledOutcome(method, reason));
    } catch (error) {
      this.#core.warn(`the caller of ${method} could not be told that its result cannot travel`, error);
      delivery.settle("reject");
    }
  }

  /** No handler ran: a caller is told why, and of a cast, whose sender waits for nothing, it is told here. */
  refuse(delivery: Delivery, outcome: FailedOutcome): void {
    if (delivery.wantsReply) this.settle(delivery, outcome);
    else this.drop(delivery, outcome.failure.message);
  }

  drop(delivery: Delivery, reason: string): void {
    this.#beats.stop(delivery);
    delivery.settle("reject");
    this.#core.events.emit("dropped", { count: 1, reason, peer: delivery.peer });
  }

  handBack(delivery: Delivery): void {
    this.#beats.stop(delivery);
    delivery.settle("hand-back");
  }
}
