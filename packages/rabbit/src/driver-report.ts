import type { DriverEvents, MessagingError, TypedEmitter } from "@trunkline/core/driver";
import type { Link } from "./connection/link.js";
import type { DropCounter } from "./receiving/listener-host.js";

/** What one transport tells of itself: its driver's events, and the counters of its stats. */
export class DriverReport {
  readonly #events: TypedEmitter<DriverEvents>;
  readonly #counters: Map<string, number> = new Map();
  #isConnected = true;
  /** What the broker last said as it refused this process; undefined: it did not. */
  #refusalTold: string | undefined;

  constructor(events: TypedEmitter<DriverEvents>) {
    this.#events = events;
  }

  get counters(): Record<string, number> {
    return Object.fromEntries(this.#counters);
  }

  warn(message: string, error?: unknown): void {
    this.#events.emit("warning", error === undefined ? { message } : { message, error });
  }

  dropped(counter: DropCounter, reason: string, peer?: string): void {
    this.#count(counter, 1);
    this.#events.emit("dropped", { count: 1, reason, ...(peer === undefined ? {} : { peer }) });
  }

  castsLost(count: number, peer: string): void {
    this.#count("castsLost", count);
    this.#events.emit("castsLost", { count, peer });
  }

  /** One of `links`, which are all that the transport has, came or went: connected is who has each of those that it has used. */
  linkChanged(link: Link, links: readonly Link[], detail: string, error: MessagingError | undefined): void {
    const used = links.filter(({ sessions }) => sessions > 0);
    const isConnected = used.length > 0 && used.every(({ session }) => session !== undefined);
    if (link.blockedReason !== undefined && link.session !== undefined) this.warn(detail);
    if (used.length > 0) this.#tellRefusal(link.refusal);
    // Before the first session it is opened, and whoever opens it hears how that goes.
    if (isConnected === this.#isConnected || used.length === 0) return;
    this.#isConnected = isConnected;
    const state = isConnected ? "connected" : "degraded";
    this.#events.emit("status", { state, detail, ...(error === undefined ? {} : { error }) });
  }

  closed(): void {
    this.#events.emit("status", { state: "closed", detail: "closed by its owner" });
  }

  /** Credentials that were right and are no more: the status has said that the connection is lost, not that it will not come back by itself. */
  #tellRefusal(refusal: MessagingError | undefined): void {
    if (this.#refusalTold === refusal?.message) return;
    this.#refusalTold = refusal?.message;
    if (refusal !== undefined) this.warn(`rabbit does not let this process in again: ${refusal.message}`, refusal);
  }

  #count(name: string, by: number): void {
    this.#counters.set(name, (this.#counters.get(name) ?? 0) + by);
  }
}
