import { ConformanceFailure, check, fail } from "../check.js";
import { type CaseContext, pause } from "../context.js";
import type { Relay } from "../relay.js";
import { disturb, type FaultCounts } from "./load-faults.js";
import type { Footprint, LoadKind, LoadPeer, LoadPlan } from "./load-plan.js";
import { LoadRound, sortRecords } from "./load-round.js";
import { LocalPeer } from "./local-peer.js";
import { RemotePeer } from "./remote-peer.js";

/** How a load goes. */
export interface LoadOptions {
  readonly ms: number;
  /** How long each round sends before all settles and is judged, in milliseconds. @default a quarter of `ms`, 5_000 at most */
  readonly roundMs?: number;
  /** What breaks meanwhile. @default "none" */
  readonly faults?: "none" | "links" | "links-and-broker";
  /** Told after each round. */
  readonly onRound?: (progress: LoadProgress) => void;
}

/** What a load has come to so far. */
export interface LoadProgress {
  readonly round: number;
  readonly ms: number;
  readonly sent: number;
  readonly handled: number;
  /** Sends that were refused, or whose outcome is unknown. */
  readonly notAccepted: number;
  /** Casts that were told as lost (B12). */
  readonly toldLost: number;
  readonly faults: Readonly<FaultCounts>;
  readonly footprints: readonly Footprint[];
  /** What the backend has, where the harness tells. */
  readonly residue: Readonly<Record<string, number>> | undefined;
}

/** What a process may hold at the end beyond what it held after the first rounds. */
export const GROWTH: {
  readonly heapBytes: number;
  readonly handles: number;
  readonly gauge: number;
  readonly residue: number;
} = Object.freeze({ heapBytes: 16 * 1024 * 1024, handles: 4, gauge: 16, residue: 8 });

const PEERS: readonly string[] = ["p1", "p2", "p3", "p4"];
const MOST_A_ROUND = 4_000;
/** What comes late is still of its round, so many rounds later. */
const ROUNDS_KEPT = 3;
/** Rounds before what is held counts as the beginning. */
const WARM_UP = 2;

/** Four peers, each in a process of its own where the harness can, that serve, listen and send to each other, round by round. */
export async function runLoad(t: CaseContext, options: LoadOptions): Promise<LoadProgress> {
  const load = new Load(t, options);
  try {
    return await load.run();
  } finally {
    await load.end();
  }
}

class Load {
  readonly #t: CaseContext;
  readonly #options: LoadOptions;
  readonly #plan: LoadPlan;
  readonly #peers: LoadPeer[] = [];
  readonly #relays: Relay[] = [];
  readonly #rounds: LoadRound[] = [];
  readonly #faults: FaultCounts = {};
  readonly #startedAt = performance.now();
  readonly #totals = { round: 0, sent: 0, handled: 0, notAccepted: 0, toldLost: 0, missingCasts: 0 };
  #atFirst: LoadProgress | undefined;

  constructor(t: CaseContext, options: LoadOptions) {
    this.#t = t;
    this.#options = options;
    const { claims } = t;
    const kinds: LoadKind[] = ["call", "cast"];
    if (claims.serverDirected) kinds.push("directed");
    // A broker drops a server's fanouts with its link: what becomes of them under faults is no loss that is told.
    if (claims.fanout && !this.#isFaulty) kinds.push("fanout");
    if (claims.events) kinds.push("emit");
    const timeoutMs = t.ms(t.timing.waitMs + (this.#isFaulty ? claims.recoveryMs + 5_000 : 5_000));
    const pools = claims.pools ? ["a", "b"] : [""];
    this.#plan = { peers: PEERS, topic: t.name("load"), seed: t.seed, kinds, pools, timeoutMs };
  }

  async run(): Promise<LoadProgress> {
    const { ms, onRound } = this.#options;
    const roundMs = this.#options.roundMs ?? Math.min(5_000, ms / 4);
    for (const name of this.#plan.peers) await this.#start(name);
    await this.#t.joined();
    const endAt = performance.now() + ms;
    let progress: LoadProgress;
    do {
      const isFaulty = this.#isFaulty && this.#totals.round > 0;
      await this.#round(Math.min(roundMs, Math.max(200, endAt - performance.now())), isFaulty);
      progress = await this.#progress();
      onRound?.(progress);
      if (this.#totals.round <= WARM_UP) this.#atFirst = progress;
    } while (performance.now() < endAt || this.#totals.round <= WARM_UP);
    // At last one in which nothing breaks: all must work again.
    if (this.#isFaulty) await this.#round(500, false);
    for (const round of this.#rounds.splice(0)) this.#judge(round);
    this.#checkLosses();
    this.#checkGrowth(progress);
    for (const peer of this.#peers.splice(0)) {
      await this.#t.within(`${peer.name} to end`, peer.finish(), 20_000);
    }
    return progress;
  }

  /** Ends what is still there, however the load went. */
  async end(): Promise<void> {
    await Promise.all(
      this.#peers.map((peer) => (peer instanceof RemotePeer ? peer.kill() : peer.finish().catch(() => {}))),
    );
  }

  get #isFaulty(): boolean {
    return (this.#options.faults ?? "none") !== "none";
  }

  async #start(name: string): Promise<void> {
    const t = this.#t;
    const relay = this.#isFaulty ? await t.relay() : undefined;
    if (relay !== undefined) this.#relays.push(relay);
    const via = relay === undefined ? {} : { via: [relay.endpoint] };
    // The space is made with its first transport.
    if (this.#peers.length === 0) await (await t.attempt({})).close();
    const source = t.harness.workerSource?.(t.space, via);
    const { timeoutMs } = this.#plan;
    const starting: Promise<LoadPeer> =
      source === undefined
        ? t
            .attempt({ ...via, options: { callTimeoutMs: timeoutMs, sendTimeoutMs: timeoutMs } })
            .then((transport) => LocalPeer.start(name, transport, this.#plan))
        : RemotePeer.start(name, source, this.#plan);
    this.#peers.push(await t.within(`${name} to start`, starting, 20_000));
  }

  async #round(ms: number, isFaulty: boolean): Promise<void> {
    const t = this.#t;
    this.#totals.round++;
    if (!isFaulty && this.#isFaulty) await this.#recover();
    const round = new LoadRound(this.#plan, { isFaulty, repeats: t.claims.redelivery });
    this.#rounds.push(round);
    const traffic = { ms, lanes: 8, most: MOST_A_ROUND };
    const sending = Promise.all(this.#peers.map((peer) => peer.send(traffic)));
    const hasBroker = this.#options.faults === "links-and-broker" && t.harness.broker !== undefined;
    if (isFaulty) await disturb(t, this.#relays, ms, hasBroker, this.#faults);
    await t.within("each send to have an outcome (B1)", sending, ms + this.#plan.timeoutMs + 10_000);
    await this.#settle(round);
    while (this.#rounds.length > ROUNDS_KEPT) this.#judge(this.#rounds.shift());
  }

  /** Reads what was noted until all that was accepted is handled, or nothing comes any more. */
  async #settle(round: LoadRound): Promise<void> {
    const idleMs = this.#t.ms(this.#t.timing.idleMs) + (round.rules.isFaulty ? this.#t.claims.recoveryMs : 0);
    do {
      const records = await Promise.all(this.#peers.map(async (peer) => [peer.name, await peer.takeRecord()] as const));
      const { strangers, lost } = sortRecords(records, this.#rounds);
      this.#totals.toldLost += lost;
      if (strangers.length > 0) fail(`handled and never sent: ${strangers.slice(0, 5).join(", ")}`);
      await pause(20);
    } while (!round.history.isComplete() && round.history.idleMs < idleMs);
  }

  #judge(round: LoadRound | undefined): void {
    if (round === undefined) return;
    const { flaws, missingCasts, counts } = round.judge();
    if (flaws.length > 0) {
      const more = flaws.length > 8 ? ` and ${flaws.length - 8} more` : "";
      fail(`${flaws.slice(0, 8).join("; ")}${more} (${counts.sent} sent, ${counts.handled} handled in the round)`);
    }
    this.#totals.missingCasts += missingCasts;
    this.#t.saw(counts.handled);
  }

  #checkLosses(): void {
    const { missingCasts, toldLost } = this.#totals;
    check(missingCasts <= toldLost, `${missingCasts} accepted casts are lost, and ${toldLost} were told as lost (B12)`);
  }

  /** Waits until each peer reaches each again: a few messages of each, whose outcome nobody judges. */
  async #recover(): Promise<void> {
    const t = this.#t;
    const deadline = performance.now() + t.ms(t.claims.recoveryMs + t.timing.waitMs);
    for (;;) {
      const round = new LoadRound(this.#plan, { isFaulty: true, repeats: t.claims.redelivery });
      this.#rounds.push(round);
      await Promise.all(this.#peers.map((peer) => peer.send({ ms: 1_000, lanes: 4, most: 40 })));
      await this.#settle(round);
      if (round.history.sends.every(({ state }) => state === "ok") && round.history.isComplete()) return;
      if (performance.now() > deadline) throw new ConformanceFailure(`not all works again within recoveryMs (E5)`);
    }
  }

  async #progress(): Promise<LoadProgress> {
    const round = this.#rounds.at(-1);
    const sends = round?.history.sends ?? [];
    this.#totals.sent += sends.length;
    this.#totals.handled += round?.history.handlings.length ?? 0;
    this.#totals.notAccepted += sends.filter(({ state }) => state !== "ok").length;
    const { round: number, sent, handled, notAccepted, toldLost } = this.#totals;
    const ms = performance.now() - this.#startedAt;
    const footprints = await Promise.all(this.#peers.map((peer) => peer.footprint()));
    const residue = await this.#t.harness.inspect?.(this.#t.space);
    const counted = residue === undefined ? undefined : { ...residue };
    return {
      round: number,
      ms,
      sent,
      handled,
      notAccepted,
      toldLost,
      faults: { ...this.#faults },
      footprints,
      residue: counted,
    };
  }

  #checkGrowth(last: LoadProgress): void {
    const first = this.#atFirst;
    if (first === undefined) return;
    for (const [index, end] of last.footprints.entries()) {
      const start = first.footprints[index];
      const name = this.#plan.peers[index] ?? "";
      if (start === undefined) continue;
      const bytes = end.heapBytes - start.heapBytes;
      check(
        bytes <= GROWTH.heapBytes,
        `${name} holds ${mib(bytes)} MiB more than at first, of ${mib(GROWTH.heapBytes)}`,
      );
      const handles = end.handles - start.handles;
      check(handles <= GROWTH.handles, `${name} has ${handles} handles more than at first, of ${GROWTH.handles}`);
      const files = (end.openFiles ?? 0) - (start.openFiles ?? 0);
      check(files <= GROWTH.handles, `${name} has ${files} open files more than at first, of ${GROWTH.handles}`);
      checkGauges(name, end.gauges, start.gauges, GROWTH.gauge);
    }
    checkGauges("the backend", last.residue ?? {}, first.residue ?? {}, GROWTH.residue);
  }
}

function checkGauges(
  name: string,
  end: Readonly<Record<string, number>>,
  start: Readonly<Record<string, number>>,
  bound: number,
): void {
  for (const [gauge, value] of Object.entries(end)) {
    if (/bytes$/i.test(gauge)) continue;
    const more = value - (start[gauge] ?? 0);
    check(more <= bound, `${name}: ${gauge} is ${value}, ${more} more than at first`);
  }
}

function mib(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(1);
}
