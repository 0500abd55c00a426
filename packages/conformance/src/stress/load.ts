import { ConformanceFailure, check, fail } from "../check.js";
import { type CaseContext, pause } from "../context.js";
import type { Relay } from "../relay.js";
import { Growth } from "./growth.js";
import { JournalFolder } from "./journal.js";
import { disturb, type FaultCounts } from "./load-faults.js";
import type { Footprint, LoadKind, LoadPeer, LoadPlan, LoadRecord } from "./load-plan.js";
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
  /** Whether processes are killed at random and others take their places; only where peers are processes of their own. @default false */
  readonly kills?: boolean;
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
  /** Which process of its name each of them is of, from 1. */
  readonly lives: readonly number[];
  /** What the backend has, where the harness tells. */
  readonly residue: Readonly<Record<string, number>> | undefined;
}

const PEERS: readonly string[] = ["p1", "p2", "p3", "p4"];
const MOST_A_ROUND = 4_000;
/** What comes late is still of its round, so many rounds later. */
const ROUNDS_KEPT = 3;
/** Rounds before what the backend holds counts as the beginning. */
const WARM_UP = 2;
/** In how many rounds a process is killed, where processes are: so that they live long enough to be watched. */
const KILLING_ROUNDS = 0.5;

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
  readonly #growth: Growth;
  readonly #journals: JournalFolder | undefined;
  /** What was last known of those that were killed. */
  readonly #lastWords: (readonly [string, LoadRecord])[] = [];
  readonly #killed = new WeakSet<LoadPeer>();

  constructor(t: CaseContext, options: LoadOptions) {
    this.#t = t;
    this.#options = options;
    const { claims } = t;
    this.#growth = new Growth(PEERS, WARM_UP);
    this.#journals = options.kills === true && t.harness.workerSource !== undefined ? new JournalFolder() : undefined;
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
      const kills = this.#totals.round > 0 && this.#willKill();
      // What breaks nothing is judged as strictly as if nothing ever broke.
      const isFaulty = this.#totals.round > 0 && (this.#cutsLinks || kills);
      await this.#round(Math.min(roundMs, Math.max(200, endAt - performance.now())), { isFaulty, kills });
      progress = await this.#progress();
      this.#growth.measured(this.#totals.round, progress);
      onRound?.(progress);
    } while (performance.now() < endAt || this.#totals.round <= WARM_UP);
    // At last one in which nothing breaks: all must work again.
    if (this.#isFaulty) await this.#round(500, { isFaulty: false, kills: false });
    for (const round of this.#rounds.splice(0)) this.#judge(round);
    this.#checkLosses();
    this.#growth.check();
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
    this.#journals?.remove();
  }

  get #isFaulty(): boolean {
    return this.#cutsLinks || this.#journals !== undefined;
  }

  get #cutsLinks(): boolean {
    return (this.#options.faults ?? "none") !== "none";
  }

  /** The peer of that name, or the next after one that was killed. */
  async #start(name: string, life = 1): Promise<void> {
    const t = this.#t;
    const index = PEERS.indexOf(name);
    if (this.#cutsLinks && this.#relays[index] === undefined) this.#relays[index] = await t.relay();
    const relay = this.#relays[index];
    const via = relay === undefined ? {} : { via: [relay.endpoint] };
    // The space is made with its first transport.
    if (this.#peers.length === 0) await (await t.attempt({})).close();
    // Whoever dials its peers through a relay must be where that is.
    const isHere = relay !== undefined && t.harness.relaysPeers === true;
    const source = isHere ? undefined : t.harness.workerSource?.(t.space, via);
    const { timeoutMs } = this.#plan;
    const starting: Promise<LoadPeer> =
      source === undefined
        ? t
            .attempt({ ...via, options: { callTimeoutMs: timeoutMs, sendTimeoutMs: timeoutMs } })
            .then((transport) => LocalPeer.start(name, transport, this.#plan))
        : RemotePeer.start(name, source, this.#plan, life, this.#journals?.fileOf(name, life));
    this.#peers[index] = await t.within(`${name} to start`, starting, 20_000 + (life === 1 ? 0 : timeoutMs));
    this.#growth.born(name, this.#totals.round);
  }

  /** Whether a process is killed in the round to come: for certain in the first that breaks, however few there are. */
  #willKill(): boolean {
    if (this.#journals === undefined) return false;
    return this.#faults["process killed"] === undefined || this.#t.random() < KILLING_ROUNDS;
  }

  /** Kills one that is sending, and brings another of its name. The first of all is left: what the deaths of others leave is seen there. */
  async #killOne(ms: number): Promise<void> {
    const t = this.#t;
    await pause(Math.floor(ms * (0.1 + 0.6 * t.random())));
    const victim = this.#peers[1 + Math.floor(t.random() * (this.#peers.length - 1))];
    if (!(victim instanceof RemotePeer)) return;
    this.#killed.add(victim);
    this.#faults["process killed"] = (this.#faults["process killed"] ?? 0) + 1;
    await victim.kill();
    this.#growth.check(victim.name);
    this.#lastWords.push([victim.name, victim.lastRecord()]);
    await this.#start(victim.name, victim.life + 1);
  }

  async #round(
    ms: number,
    { isFaulty, kills }: { readonly isFaulty: boolean; readonly kills: boolean },
  ): Promise<void> {
    const t = this.#t;
    this.#totals.round++;
    if (!isFaulty && this.#isFaulty) await this.#recover();
    const round = this.#newRound(isFaulty);
    const traffic = { ms, lanes: 8, most: MOST_A_ROUND };
    const send = (peer: LoadPeer): Promise<void> =>
      peer.send(traffic).catch((error: unknown) => {
        if (!this.#killed.has(peer)) throw error;
      });
    const sending = t.later(Promise.all(this.#peers.map(send)));
    const hasBroker = this.#options.faults === "links-and-broker" && t.harness.broker !== undefined;
    const cuts = isFaulty && this.#cutsLinks ? disturb(t, this.#relays, ms, hasBroker, this.#faults) : undefined;
    await Promise.all([cuts, kills ? this.#killOne(ms) : undefined]);
    await t.within("each send to have an outcome (B1)", sending, ms + this.#plan.timeoutMs + 10_000);
    await this.#settle(round);
    while (this.#rounds.length > ROUNDS_KEPT) this.#judge(this.#rounds.shift());
  }

  #newRound(isFaulty: boolean): LoadRound {
    const { redelivery, acceptance } = this.#t.claims;
    const isSendersWord = { casts: acceptance.casts === "transport", events: acceptance.events === "transport" };
    const round = new LoadRound(this.#plan, { isFaulty, repeats: redelivery, isSendersWord });
    this.#rounds.push(round);
    return round;
  }

  /** Reads what was noted until all that was accepted is handled, or nothing comes any more. */
  async #settle(round: LoadRound): Promise<void> {
    const idleMs = this.#t.ms(this.#t.timing.idleMs) + (round.rules.isFaulty ? this.#t.claims.recoveryMs : 0);
    do {
      const records = await Promise.all(this.#peers.map(async (peer) => [peer.name, await peer.takeRecord()] as const));
      const { strangers, lost } = sortRecords([...this.#lastWords.splice(0), ...records], this.#rounds);
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
    // Where servers acknowledge before they dispatch nobody knows of what a process had begun when it was killed (B12).
    const isUnknown = this.#faults["process killed"] !== undefined && this.#t.claims.peerDeath !== "detected";
    if (!isUnknown)
      check(
        missingCasts <= toldLost,
        `${missingCasts} accepted casts are lost, and ${toldLost} were told as lost (B12)`,
      );
  }

  /** Waits until each peer reaches each again: a few messages of each, whose outcome nobody judges. */
  async #recover(): Promise<void> {
    const t = this.#t;
    const deadline = performance.now() + t.ms(t.claims.recoveryMs + t.timing.waitMs);
    for (;;) {
      const round = this.#newRound(true);
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
      lives: this.#peers.map((peer) => (peer instanceof RemotePeer ? peer.life : 1)),
      residue: counted,
    };
  }
}
