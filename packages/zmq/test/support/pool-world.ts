import { backoffDelayMs, resolveBackoff } from "@trunkline/core/driver";
import { ManualClock } from "@trunkline/core/testing";
import { Tick } from "../../src/link/tick.js";
import type { ListenerRecord, Matchmaker } from "../../src/matchmaker/matchmaker.js";
import type { Peer, Settlement } from "../../src/pool/peer.js";
import { Pool, type PoolOptions } from "../../src/pool/pool.js";
import { LocalListener } from "../../src/serving/local-listener.js";
import { FakeEngine } from "./fake-engine.js";
import { OwnerLog, ProcessLog } from "./session.js";

const OPTIONS: PoolOptions = { idleMs: 60_000, maxLinks: 3, pingMs: 10_000, welcomeMs: 5_000 };

/** A pool over an engine by hand, and all that it told. */
export class PoolWorld {
  readonly clock: ManualClock = new ManualClock();
  readonly tick: Tick = new Tick(() => this.clock.now());
  readonly engine: FakeEngine = new FakeEngine();
  readonly owner: OwnerLog = new OwnerLog(this.tick, "", 1e6);
  readonly statuses: string[] = [];
  readonly warnings: string[] = [];
  readonly refused: string[] = [];
  /** A part of each backoff's bound, instead of a random one. */
  fraction = 0.5;
  readonly pool: Pool;

  constructor(options: Partial<PoolOptions> = {}, standingPeers: readonly string[] = []) {
    const matchmaker: Partial<Matchmaker> = {
      standingPeers,
      refused: (record) => this.refused.push(record.address),
    };
    this.pool = new Pool(
      {
        engine: this.engine,
        matchmaker: matchmaker as Matchmaker,
        linkOwner: this.owner,
        clock: this.clock,
        random: () => this.fraction,
        dialHook: (address) => `via ${address}`,
        status: (state, detail) => this.statuses.push(`${state}: ${detail}`),
        warn: (message) => this.warnings.push(message),
      },
      { ...OPTIONS, ...options },
    );
  }

  reach(address: string, incarnation = "run-1"): Peer {
    return this.pool.reach(record(address, incarnation));
  }

  /** Waits for the peer; what it came to is in the list. */
  wait(peer: Peer): Settlement[] {
    const settlements: Settlement[] = [];
    peer.whenSettled((settlement) => settlements.push(settlement));
    return settlements;
  }

  /** A process with one server, which takes the last dial. */
  async accept(): Promise<ProcessLog> {
    const process = new ProcessLog(this.tick, "", 1e6, "run-1");
    const address = { realm: "", exchange: "default", topic: "t", server: "s" };
    const local = new LocalListener(1, { kind: "rpc", address }, () => {}, 8);
    local.open();
    process.byId.set(1, local);
    this.engine.last.accept(process);
    await this.settle();
    return process;
  }

  async settle(): Promise<void> {
    await this.engine.settle();
  }

  /** As the transport does every second. */
  async sweep(afterMs: number): Promise<void> {
    this.clock.advance(afterMs);
    await this.settle();
    this.pool.sweep(this.clock.now());
    await this.settle();
  }

  /** How long is waited before the attempt that follows so many. */
  backoffMs(attempt: number): number {
    return backoffDelayMs(attempt, resolveBackoff({ random: () => this.fraction }));
  }
}

export function record(address: string, incarnation = "run-1"): ListenerRecord {
  return { kind: "rpc", realm: "", exchange: "default", topic: "t", server: "s", address, incarnation };
}
