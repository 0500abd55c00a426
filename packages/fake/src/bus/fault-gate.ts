import type { Timer } from "@trunkline/core/driver";
import type { MessageFrame } from "../link/frames.js";
import type { Link } from "../link/link.js";
import type { Bus } from "./bus.js";
import type { MessageFacts } from "./sent-log.js";

/** Where one transport's messages pass the bus's faults: those that it sends, and the replies that it gets. */
export class FaultGate {
  readonly #bus: Bus;
  readonly #link: Link;
  /** Messages that a fault holds up. */
  readonly #late: Set<Timer> = new Set();

  constructor(bus: Bus, link: Link) {
    this.#bus = bus;
    this.#link = link;
  }

  /** Lets the message pass by `proceed`, or whatever befalls it. */
  pass(facts: MessageFacts, proceed: () => void): void {
    const fault = this.#bus.faults.isEmpty ? undefined : this.#bus.faults.befall(facts);
    if (fault === undefined) {
      proceed();
      return;
    }
    this.#bus.count("faults");
    switch (fault.action) {
      case "drop":
        return;
      case "delay":
        this.#delay(proceed, fault.delayMs);
        return;
      case "duplicate":
        proceed();
        proceed();
        return;
      case "disconnect":
        if (fault.delivered === true) {
          proceed();
          this.#link.flushDown();
        }
        this.#link.apply("break");
        return;
    }
  }

  /** What is held up is lost with the link. */
  dropLate(): void {
    for (const timer of this.#late) timer.cancel();
    this.#late.clear();
  }

  #delay(proceed: () => void, delayMs: number): void {
    const timer = this.#link.clock.setTimer(() => {
      this.#late.delete(timer);
      proceed();
    }, delayMs);
    this.#late.add(timer);
  }
}

/** What a message can be told by, from the frame that carries it. */
export function factsOf(frame: MessageFrame, peer: string): MessageFacts {
  const { kind, to, id, label, priority, body } = frame;
  return {
    kind,
    peer,
    realm: to.realm,
    exchange: to.exchange,
    topic: to.topic,
    server: to.server,
    method: kind === "event" ? undefined : label,
    eventType: kind === "event" ? label : undefined,
    priority,
    id,
    bytes: body.length,
  };
}
