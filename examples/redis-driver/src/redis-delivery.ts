import {
  type Address,
  type Delivery,
  type Event,
  NotSupportedError,
  type Outcome,
  type Request,
  type Route,
  type Verdict,
} from "@trunkline/core/driver";
import type { Envelope } from "./envelope.js";

/** What a delivery needs of its listener. */
export interface DeliveryOwner {
  readonly driverName: string;
  readonly until: number | undefined;
  /** @throws where the outcome cannot travel; nothing was written then. */
  answer(outcome: Outcome): void;
  /** The caller is told that nobody will answer. */
  lose(why: string, mayHaveRun: boolean): void;
  handBack(): void;
  /** One credit is free. */
  settled(): void;
}

/** One message in this process's hands: `waiting` in core, then `taken` by a handler, then `settled`. */
export class RedisDelivery implements Delivery {
  readonly message: Request | Event;
  readonly to: Address;
  readonly peer: string;
  readonly redelivered = false;
  readonly attempt = 1;
  readonly until: number | undefined;
  readonly wantsReply: boolean;
  readonly route: Route = {};
  readonly #owner: DeliveryOwner;
  #state: "waiting" | "taken" | "settled" = "waiting";

  constructor(envelope: Envelope, to: Address, owner: DeliveryOwner) {
    this.message = envelope.message;
    this.to = to;
    this.peer = envelope.from;
    this.until = owner.until;
    this.wantsReply = envelope.replyTo !== undefined;
    this.#owner = owner;
  }

  take(): boolean {
    if (this.#state !== "waiting") return false;
    this.#state = "taken";
    return true;
  }

  /** `cancel` is not claimed. */
  onCancel(): void {}

  /** Nor is `callMonitor`. */
  beat(): void {}

  item(): Promise<void> {
    return Promise.reject(new NotSupportedError("there are no streams here", "streaming", this.#owner.driverName));
  }

  settle(verdict: Verdict, outcome?: Outcome): void {
    if (this.#state === "settled") return;
    if (verdict === "done" && outcome !== undefined && this.wantsReply) this.#owner.answer(outcome); // may throw: not settled then
    const wasTaken = this.#state === "taken";
    this.#state = "settled";
    if (verdict === "hand-back" && !wasTaken) this.#owner.handBack();
    else if (verdict !== "done") this.#owner.lose("the server did not handle it", wasTaken);
    this.#owner.settled();
  }

  /** The listener closes, and nobody waits for the handler any more. */
  abandon(): void {
    if (this.#state === "taken") this.settle("reject");
    else this.settle("hand-back");
  }
}
