import type { Capabilities } from "@trunkline/core";
import type { SendState } from "../history.js";
import type { SendKind } from "./program.js";

/** Moments are numbers that only rise: what happened before what. */
type Moment = number;

/** A consumer, from the wish for it until its stop has resolved; `Infinity` for what did not happen. */
export interface Life {
  readonly consumer: string;
  readonly kind: "server" | "listener";
  readonly topic: string;
  /** A server's name, or a listener's pool (`""`: the one without name). */
  readonly name: string;
  /** From here on what is sent must reach it (E2). */
  ready: Moment;
  /** It was told to stop. */
  leaving: Moment;
  /** Its stop resolved: it handles nothing more (E3). */
  gone: Moment;
}

/** One send, from invoke to outcome. */
export interface Message {
  readonly id: string;
  readonly kind: SendKind;
  readonly from: number;
  readonly topic: string;
  readonly server: string | undefined;
  readonly invoked: Moment;
  ended: Moment;
  /** All had settled after it. */
  quiet: Moment;
  state: SendState;
  /** The error's code, where it was refused. */
  refusal: string | undefined;
  /** Of a call: what its answer says of who gave it to which question. */
  answer: { readonly by: unknown; readonly id: unknown } | undefined;
}

export interface Handled {
  readonly id: string;
  readonly consumer: string;
  readonly at: Moment;
}

/** What happened in one run of a program. */
export interface Log {
  readonly messages: readonly Message[];
  readonly lives: readonly Life[];
  readonly handled: readonly Handled[];
  /** When a link was cut, until all consumers were reached again. */
  readonly disturbances: readonly { readonly from: Moment; readonly until: Moment }[];
  /** When a transport was told to close. */
  readonly closings: readonly { readonly slot: number; readonly at: Moment }[];
  /** What was told as lost (`castsLost`). */
  readonly toldLost: number;
}

/** What the model is told of the manifest. */
export type Rules = Pick<Capabilities, "gracefulDrain" | "redelivery" | "storesOffline" | "acceptance">;

/** The abstract model: of each message, who may handle it, who must, and who must not, and what its sender may hear. */
export class Model {
  readonly #log: Log;
  readonly #rules: Rules;
  readonly #handled = new Map<string, Handled[]>();
  readonly #lives: ReadonlyMap<string, Life>;

  constructor(log: Log, rules: Rules) {
    this.#log = log;
    this.#rules = rules;
    this.#lives = new Map(log.lives.map((life) => [life.consumer, life]));
    for (const one of log.handled) {
      const list = this.#handled.get(one.id);
      if (list === undefined) this.#handled.set(one.id, [one]);
      else list.push(one);
    }
  }

  /** Every promise that the log breaks, one line each, with its clause. */
  flaws(): string[] {
    const known = new Set(this.#log.messages.map(({ id }) => id));
    const strangers = [...this.#handled.keys()].filter((id) => !known.has(id));
    const flaws = strangers.map((id) => `${id} was handled and never sent`);
    const unhandled: string[] = [];
    for (const message of this.#log.messages) {
      flaws.push(...this.#wrongHandlings(message), ...this.#wrongOutcome(message));
      const missing = this.missing(message);
      if (this.#mayBeLost(message)) unhandled.push(...missing);
      else flaws.push(...missing);
    }
    if (unhandled.length > this.#log.toldLost) {
      flaws.push(`${this.#log.toldLost} told as lost (B12), yet ${unhandled.length} are: ${unhandled.join("; ")}`);
    }
    return flaws;
  }

  /** Who must handle `message` and did not. */
  missing(message: Message): string[] {
    if (message.state !== "ok") return [];
    const by = this.#handledBy(message.id);
    if (message.kind === "cast" && by.length === 0) return [`${message.id} was accepted and not handled (B2)`];
    if (message.kind === "fanout") return this.#missingOfFanout(message, by);
    return message.kind === "emit" ? this.#missingOfEvent(message, by) : [];
  }

  #missingOfFanout(message: Message, by: readonly Handled[]): string[] {
    if (this.#isDisturbed(message)) return [];
    return this.#mayHandle(message)
      .filter((life) => isThere(life, message.invoked, message.quiet))
      .filter(({ consumer }) => !by.some((one) => one.consumer === consumer))
      .map(({ consumer }) => `${message.id} was accepted and not handled by ${consumer} (A4)`);
  }

  #missingOfEvent(message: Message, by: readonly Handled[]): string[] {
    const { storesOffline, acceptance } = this.#rules;
    if (this.#isDisturbed(message) && acceptance.events === "transport") return [];
    const waits = (life: Life): boolean => storesOffline && life.ready < message.invoked;
    const lives = this.#mayHandle(message);
    const owed = lives.filter((life) => waits(life) || isThere(life, message.invoked, message.quiet));
    return [...new Set(owed.map(({ name }) => name))]
      .filter((pool) => !by.some((one) => this.#lives.get(one.consumer)?.name === pool))
      .map((pool) => `${message.id} was accepted and not handled by pool "${pool}" (C3)`);
  }

  #wrongHandlings(message: Message): string[] {
    const by = this.#handledBy(message.id);
    const flaws: string[] = [];
    const may = this.#mayHandle(message);
    for (const { consumer, at } of by) {
      const life = this.#lives.get(consumer);
      if (life === undefined || !may.includes(life))
        flaws.push(`${message.id} was handled by ${consumer} (A2, A3, A8)`);
      else if (at > life.gone) flaws.push(`${message.id} was handled by ${consumer} after its stop had resolved (E3)`);
    }
    const groups = new Map<string, number>();
    for (const { consumer } of by) {
      const group = this.#groupOf(message, consumer);
      groups.set(group, (groups.get(group) ?? 0) + 1);
    }
    const mayRepeat = message.kind === "emit" && this.#rules.redelivery && this.#isDisturbed(message);
    for (const [group, count] of groups) {
      if (count > 1 && !mayRepeat) flaws.push(`${message.id} was handled ${count} times${group} (${onceBy(message)})`);
    }
    return flaws;
  }

  /** Of whom only one may handle it. */
  #groupOf(message: Message, consumer: string): string {
    if (message.kind === "fanout") return ` by ${consumer}`;
    return message.kind === "emit" ? ` in pool "${this.#lives.get(consumer)?.name ?? ""}"` : "";
  }

  #wrongOutcome(message: Message): string[] {
    const { id, state, refusal, answer } = message;
    const by = this.#handledBy(id);
    if (state === "pending") return [`${id} has no outcome (B1)`];
    if (state === "fail" && by.length > 0)
      return [`${id} was refused (${refusal}), yet handled by ${by[0]?.consumer} (G)`];
    if (state === "ok" && (message.kind === "call" || message.kind === "abort")) {
      if (by.length === 0) return [`${id} was answered by ${String(answer?.by)}, and no handler ran (B1)`];
      const isOwn = answer?.id === id && by.some(({ consumer }) => consumer === answer.by);
      return isOwn ? [] : [`${id} was given the answer of ${String(answer?.by)} to ${String(answer?.id)} (B9)`];
    }
    return state !== "ok" && this.#mustSucceed(message) ? [`${id} was refused (${refusal}): ${whyNot(message)}`] : [];
  }

  #mustSucceed(message: Message): boolean {
    const { from, invoked, ended, kind } = message;
    const isClosing = this.#log.closings.some(({ slot, at }) => slot === from && at < ended && at >= invoked);
    if (kind === "abort" || isClosing || this.#isDisturbed(message)) return false;
    if (kind === "fanout" || kind === "emit") return true;
    const may = this.#mayHandle(message);
    const leaves = may.some(({ leaving, gone }) => leaving < ended && gone > invoked);
    return may.some((life) => isThere(life, invoked, ended)) && (this.#rules.gracefulDrain || !leaves);
  }

  /** Whether its loss is legal where it is told (B12): somebody left, or a link broke, while it was on its way. */
  #mayBeLost(message: Message): boolean {
    if (message.kind !== "cast") return false;
    const leaves = this.#mayHandle(message).some(({ leaving }) => leaving > message.invoked && leaving < message.quiet);
    return leaves || this.#isDisturbed(message);
  }

  #mayHandle(message: Message): Life[] {
    const kind = message.kind === "emit" ? "listener" : "server";
    return this.#log.lives.filter(
      (life) =>
        life.kind === kind &&
        life.topic === message.topic &&
        (message.server === undefined || life.name === message.server),
    );
  }

  #isDisturbed({ invoked, quiet }: Message): boolean {
    return this.#log.disturbances.some(({ from, until }) => from < quiet && until > invoked);
  }

  #handledBy(id: string): readonly Handled[] {
    return this.#handled.get(id) ?? [];
  }
}

function isThere({ ready, leaving }: Life, from: Moment, until: Moment): boolean {
  return ready < from && leaving >= until;
}

function onceBy({ kind }: Message): string {
  if (kind === "fanout") return "A4";
  return kind === "emit" ? "C3" : "B12";
}

function whyNot({ kind }: Message): string {
  return kind === "fanout" || kind === "emit" ? "to nobody it succeeds too (A7)" : "a server was there (E2, E3)";
}
