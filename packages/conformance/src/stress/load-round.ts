import { History, type Judgement, type Scope } from "../history.js";
import type { LoadPlan, LoadRecord, LoadSend } from "./load-plan.js";

/** What the model of a load allows beside what it always does. */
export interface RoundRules {
  /** Links broke: sends may be refused, and accepted casts lost where it is told. */
  readonly isFaulty: boolean;
  /** Events may come again (`redelivery`). */
  readonly repeats: boolean;
  /** What the word of acceptance is that of the sender's own process: who is killed takes it along (`acceptance`). */
  readonly isSendersWord?: { readonly casts: boolean; readonly events: boolean };
}

/** What was sent in one round of a load, and what became of it; what comes late is still noted in it. */
export class LoadRound {
  readonly history: History = new History();
  readonly kinds = { call: 0, cast: 0, directed: 0, fanout: 0, emit: 0 };
  readonly rules: RoundRules;
  readonly #plan: LoadPlan;
  readonly #sends = new Map<string, LoadSend>();
  readonly #wrongAnswers: string[] = [];
  /** Casts of processes that were killed. */
  readonly #orphans = new Set<string>();

  constructor(plan: LoadPlan, rules: RoundRules) {
    this.#plan = plan;
    this.rules = rules;
  }

  add(sender: string, sends: readonly LoadSend[], wasKilled = false): void {
    for (const send of sends) {
      if (wasKilled) this.#orphans.add(send.id);
      this.#sends.set(send.id, send);
      this.kinds[send.kind]++;
      const entry = this.history.invoke(send.id, this.#scopeOf(send), sender);
      entry.state = send.state;
      entry.error = send.refusal;
      if (send.hasWrongAnswer === true) this.#wrongAnswers.push(send.id);
    }
  }

  knows(id: string): boolean {
    return this.#sends.has(id);
  }

  /** What is wrong, one line each, and how many accepted casts are missing, which is legal where it was told (B12). */
  judge(): { readonly flaws: readonly string[]; readonly missingCasts: number; readonly counts: Judgement } {
    const { isFaulty, repeats, isSendersWord } = this.rules;
    // As in the model of random programs: on links that break, that word holds no longer (E6).
    const losesEvents = isSendersWord?.events === true;
    const isExcused = (id: string): boolean => isFaulty && (losesEvents || this.#kindOf(id) !== "emit");
    const counts = this.history.judge({ failures: isFaulty, repeats: isFaulty && repeats, isExcused });
    const flaws = this.#wrongAnswers.map((id) => `${id} was given the answer to another call (B9)`);
    // What one process had begun comes to another as if it were new, where attempts are not counted by the backend (C4).
    const isAgain = (one: string): boolean =>
      isFaulty && repeats && this.#kindOf(one.split(" ", 1)[0] ?? "") === "emit";
    for (const what of ["missing", "duplicate", "misrouted", "unexpected", "rejected"] as const) {
      for (const one of counts[what]) {
        if (what !== "duplicate" || !isAgain(one)) flaws.push(`${what}: ${one}`);
      }
    }
    return { flaws, missingCasts: isFaulty ? this.#missingCasts() : 0, counts };
  }

  #missingCasts(): number {
    const handled = new Set(this.history.handlings.map(({ id }) => id));
    const missing = [...this.#sends.values()].filter(({ kind, state }) => kind === "cast" && state === "ok");
    // Of what a dead sender alone knew nobody can tell.
    const isKnown = (id: string): boolean => this.rules.isSendersWord?.casts !== true || !this.#orphans.has(id);
    return missing.filter(({ id }) => !handled.has(id) && isKnown(id)).length;
  }

  #scopeOf({ kind, to }: LoadSend): Scope {
    const { peers, pools } = this.#plan;
    if (to !== undefined) return [[to]];
    if (kind === "fanout") return peers.map((name) => [name]);
    if (kind !== "emit") return [peers];
    return pools.map((_, index) => peers.filter((_, at) => at % pools.length === index).map(listenerOf));
  }

  #kindOf(id: string): string {
    return this.#sends.get(id)?.kind ?? "";
  }
}

/** How a peer's listener is called in a history, beside its server. */
export function listenerOf(peer: string): string {
  return `${peer} (events)`;
}

/** Brings what peers noted to the rounds of which it is; what none of them knows is returned. */
export function sortRecords(
  records: readonly (readonly [string, LoadRecord])[],
  rounds: readonly LoadRound[],
): { readonly strangers: readonly string[]; readonly lost: number } {
  const current = rounds.at(-1);
  let lost = 0;
  for (const [name, record] of records) {
    current?.add(name, record.sends, record.wasKilled);
    lost += record.lost;
  }
  const strangers: string[] = [];
  for (const [name, record] of records) {
    for (const [consumer, handled] of [
      [name, record.served],
      [listenerOf(name), record.listened],
    ] as const) {
      for (const [id, attempt] of handled) {
        const round = rounds.findLast((one) => one.knows(id));
        if (round === undefined) strangers.push(`${id} at ${consumer}`);
        else round.history.handled(id, consumer, attempt);
      }
    }
  }
  return { strangers, lost };
}
