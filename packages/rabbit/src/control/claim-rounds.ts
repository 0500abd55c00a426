import type { Clock, Timer } from "@trunkline/core/driver";
import type { Finding } from "./claim-desk.js";
import { MOST_IDS } from "./notices.js";
import type { Roster } from "./roster.js";

/** One message that is asked for. */
interface Question {
  readonly asker: object;
  readonly id: string;
  readonly topic: string;
  readonly timer: Timer;
  answer(finding: Finding): void;
}

/** What was asked in one notice, and who has not answered yet. */
interface Round {
  readonly topic: string;
  readonly ids: readonly string[];
  readonly missing: Set<string>;
  readonly answered: Set<string>;
  readonly timer: Timer;
  /** Until those that were there before have had the time to say so. */
  readonly settling: Timer | undefined;
}

export interface ClaimRoundsHost {
  readonly clock: Clock;
  rosterOf(topic: string): Roster | undefined;
  /** Asks all that serve the topic. */
  askAll(topic: string, round: number, ids: readonly string[]): void;
}

/** How long a server may take to answer before it counts as gone: as long as it may take to connect again, and more. */
export const ANSWER_MS = 10_000;

/** The questions of the servers of one transport: gathered into rounds, and answered when everybody has spoken, or time is over. */
export class ClaimRounds {
  readonly #host: ClaimRoundsHost;
  readonly #questions: Map<string, Question> = new Map();
  readonly #rounds: Map<number, Round> = new Map();
  /** Ids to be asked for at the end of this turn, by topic. */
  readonly #gathered: Map<string, string[]> = new Map();
  #lastRound = 0;

  constructor(host: ClaimRoundsHost) {
    this.#host = host;
  }

  get questions(): number {
    return this.#questions.size;
  }

  ask(asker: object, topic: string, id: string, withinMs: number, answer: (finding: Finding) => void): void {
    const timer = this.#host.clock.setTimer(() => this.#answer(id, "unknown"), withinMs, { background: true });
    this.#questions.get(id)?.timer.cancel();
    this.#questions.set(id, { asker, id, topic, timer, answer });
    const gathered = this.#gathered.get(topic);
    if (gathered !== undefined) {
      gathered.push(id);
      return;
    }
    this.#gathered.set(topic, [id]);
    setImmediate(() => this.#begin(topic));
  }

  /** `member` has these of the ids of a round, and none of the others. */
  answered(member: string, number: number, ids: readonly string[]): void {
    for (const id of ids) this.#answer(id, "claimed");
    const round = this.#rounds.get(number);
    if (round === undefined) return;
    round.answered.add(member);
    round.missing.delete(member);
    this.#conclude(number, round);
  }

  /** It serves the topic, and did so before this transport: what was asked since, it was asked too. */
  heard(member: string, topic: string): void {
    for (const round of this.#rounds.values()) {
      if (round.topic !== topic || !round.missing.has(UNHEARD) || round.answered.has(member)) continue;
      round.missing.add(member);
    }
  }

  /** It does not serve any more. */
  left(member: string, topic: string): void {
    for (const [number, round] of [...this.#rounds]) {
      if (round.topic === topic && round.missing.delete(member)) this.#conclude(number, round);
    }
  }

  forget(asker: object): void {
    for (const question of [...this.#questions.values()]) {
      if (question.asker !== asker) continue;
      question.timer.cancel();
      this.#questions.delete(question.id);
    }
  }

  close(): void {
    for (const { timer } of this.#questions.values()) timer.cancel();
    for (const [number, round] of [...this.#rounds]) this.#end(number, round);
    this.#questions.clear();
  }

  #begin(topic: string): void {
    const ids = (this.#gathered.get(topic) ?? []).filter((id) => this.#questions.has(id));
    this.#gathered.delete(topic);
    const roster = this.#host.rosterOf(topic);
    for (let from = 0; from < ids.length; from += MOST_IDS) {
      this.#askRound(topic, roster, ids.slice(from, from + MOST_IDS));
    }
  }

  #askRound(topic: string, roster: Roster | undefined, ids: readonly string[]): void {
    this.#lastRound += 1;
    const number = this.#lastRound;
    const missing = new Set(roster?.present);
    const settlingMs = roster?.settlingMs ?? 0;
    // Whoever was there before, and has not said so yet, is waited for too.
    if (settlingMs > 0) missing.add(UNHEARD);
    const { clock } = this.#host;
    const timer = clock.setTimer(() => this.#over(number), ANSWER_MS, { background: true });
    const settling =
      settlingMs > 0 ? clock.setTimer(() => this.#settled(number), settlingMs, { background: true }) : undefined;
    const round: Round = { topic, ids, missing, answered: new Set(), timer, settling };
    this.#rounds.set(number, round);
    if (missing.size > 0) this.#host.askAll(topic, number, ids);
    this.#conclude(number, round);
  }

  #settled(number: number): void {
    const round = this.#rounds.get(number);
    if (round === undefined) return;
    round.missing.delete(UNHEARD);
    this.#conclude(number, round);
  }

  #conclude(number: number, round: Round): void {
    if (round.missing.size > 0) return;
    this.#end(number, round);
    for (const id of round.ids) this.#answer(id, "nobody");
  }

  #over(number: number): void {
    const round = this.#rounds.get(number);
    if (round === undefined) return;
    this.#end(number, round);
    const roster = this.#host.rosterOf(round.topic);
    for (const member of round.missing) roster?.missed(member);
    for (const id of round.ids) this.#answer(id, "unknown");
  }

  #end(number: number, round: Round): void {
    round.timer.cancel();
    round.settling?.cancel();
    this.#rounds.delete(number);
  }

  #answer(id: string, finding: Finding): void {
    const question = this.#questions.get(id);
    if (question === undefined) return;
    this.#questions.delete(id);
    question.timer.cancel();
    question.answer(finding);
  }
}

/** Stands for those of whom nothing was heard yet. No inbox is called so. */
const UNHEARD = "";
