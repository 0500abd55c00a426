import { InvalidArgumentError, nearestName } from "@trunkline/core/driver";
import type { Bus } from "./bus/bus.js";
import type { ArmedFault, Fault } from "./bus/faults.js";
import type { Port } from "./bus/port.js";
import { busOf } from "./bus/registry.js";
import type { SentMessage } from "./bus/sent-log.js";
import type { LinkEvent } from "./link/link.js";

/**
 * The controls of one bus, for tests: what befalls its links and messages, and what was sent.
 *
 * Where a method takes `peer`, it means the transports of that name (`fake://?peer=api`); without one, all transports of the
 * bus, those yet to be opened included. Synchronous: what a cut loses is lost, and reported, before `cut` returns.
 */
export interface FakeBus {
  readonly name: string;
  /** The names of the transports that are open, in the order of opening. */
  readonly peers: readonly string[];
  /**
   * What was sent since the controls were first asked for, replies included, in the order in which it was put on a link,
   * whether or not it arrived. A snapshot. The last 10 000 messages or 64 MiB are kept.
   */
  readonly sent: readonly SentMessage[];
  /** Messages that wait on the bus for credit, for a listener, or for a pool that is away. */
  readonly waiting: number;
  /** What the bus has counted since it began: `messages`, `deliveries`, `redelivered`, `requeued`, `handedBack`, `castsLost`, `faults`, … */
  readonly counters: Readonly<Record<string, number>>;
  /**
   * Loses the links and keeps them down: what is on its way is lost, calls in flight fail with ConnectionLostError (B12),
   * sends wait to their deadlines (A7), opening a transport fails with ConnectError after `connectTimeoutMs`.
   */
  cut(peer?: string): void;
  /** Brings lost links back, subscriptions and all (E5). Without a peer, for every link. */
  heal(peer?: string): void;
  /** Nothing passes, and nobody is told: a half-open connection. After `detectionMs` both ends call it lost. */
  freeze(peer?: string): void;
  /** What waited on frozen links passes, in order; one that was called lost comes back. */
  thaw(peer?: string): void;
  /**
   * Each frame takes `delayMs` each way, and up to `jitterMs` more at random, on the transport's clock; the order is kept.
   * A call takes four frames. 0 ends it.
   * @throws InvalidArgumentError
   */
  delay(delayMs: number, jitterMs?: number, peer?: string): void;
  /**
   * Arms a fault for messages to come. Of several that fit one message, the first that was armed befalls it.
   * @throws InvalidArgumentError
   */
  fault(fault: Fault): ArmedFault;
  /** Forgets what was sent. */
  clearSent(): void;
  /**
   * Heals, thaws, ends delays, disarms faults, forgets what was sent, and no longer watches the bus. Where no transport is
   * open, what the bus had stored is dropped with it.
   */
  reset(): void;
}

/**
 * The controls of the bus of this name: `fakeBus()` for `fake://`, `fakeBus("shop")` for `fake://shop`, whatever the realm.
 *
 * The bus need not have transports yet. It is kept until {@link FakeBus.reset}.
 */
export function fakeBus(name = ""): FakeBus {
  if (typeof name !== "string") {
    throw new InvalidArgumentError(`a bus is named by a string, such as "shop" for fake://shop, got ${String(name)}`);
  }
  const controls = new Controls(name);
  controls.watch();
  return controls;
}

/** Finds its bus by name each time: after a reset there is a new one. */
class Controls implements FakeBus {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  get peers(): readonly string[] {
    return [...this.watch().ports].map((port) => port.peer);
  }

  get sent(): readonly SentMessage[] {
    return this.watch().log.messages;
  }

  get waiting(): number {
    return this.watch().waiting;
  }

  get counters(): Readonly<Record<string, number>> {
    return this.watch().counters;
  }

  cut(peer?: string): void {
    if (peer === undefined) this.watch().conditions.isCut = true;
    this.#apply("cut", peer);
  }

  heal(peer?: string): void {
    const bus = this.watch();
    if (peer === undefined) bus.conditions.isCut = false;
    this.#apply("heal", peer);
    if (!bus.conditions.isCut) for (const wake of [...bus.onHealed]) wake();
  }

  freeze(peer?: string): void {
    if (peer === undefined) this.watch().conditions.isFrozen = true;
    this.#apply("freeze", peer);
  }

  thaw(peer?: string): void {
    if (peer === undefined) this.watch().conditions.isFrozen = false;
    this.#apply("thaw", peer);
  }

  delay(delayMs: number, jitterMs = 0, peer?: string): void {
    for (const [what, ms] of Object.entries({ delayMs, jitterMs })) {
      if (!(ms >= 0 && Number.isFinite(ms)))
        throw new InvalidArgumentError(`${what} must be a finite number from 0, got ${ms}`);
    }
    const bus = this.watch();
    if (peer === undefined) Object.assign(bus.conditions, { delayMs, jitterMs });
    for (const port of this.#ports(peer)) port.link.setDelay(delayMs, jitterMs);
  }

  fault(fault: Fault): ArmedFault {
    return this.watch().faults.arm(fault);
  }

  clearSent(): void {
    this.watch().log.clear();
  }

  reset(): void {
    const bus = this.watch();
    bus.faults.clear();
    this.delay(0);
    this.thaw();
    this.heal();
    bus.log.clear();
    bus.isWatched = false;
    bus.empty();
    bus.release();
  }

  /** The bus, which from now on stays and records. */
  watch(): Bus {
    const bus = busOf(this.name);
    bus.isWatched = true;
    return bus;
  }

  #apply(event: LinkEvent, peer: string | undefined): void {
    for (const port of this.#ports(peer)) port.link.apply(event);
  }

  /** @throws InvalidArgumentError where no open transport has the name: a test that cuts nothing proves nothing. */
  #ports(peer: string | undefined): Port[] {
    const ports = [...this.watch().ports];
    if (peer === undefined) return ports;
    if (typeof peer !== "string") {
      throw new InvalidArgumentError(`a peer is named by a string, such as that of ?peer=, got ${String(peer)}`);
    }
    const named = ports.filter((port) => port.peer === peer);
    if (named.length > 0) return named;
    const names = ports.map((port) => port.peer);
    const meant = nearestName(peer, names);
    const hint = meant === undefined ? `there are: ${names.join(", ") || "none"}` : `did you mean ${meant}?`;
    throw new InvalidArgumentError(`no transport named ${JSON.stringify(peer)} is open on the bus; ${hint}`);
  }
}
