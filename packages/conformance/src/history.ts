import type { Receipt } from "@trunkline/core";
import { AbortError, ConnectionLostError, MessagingError, RemoteError, TimeoutError } from "@trunkline/core";
import { ConformanceFailure } from "./check.js";

/**
 * Who should see a message: groups of consumers, each of which must handle it exactly once between its members.
 * One of three servers: `[["s1", "s2", "s3"]]`. A fanout: `[["s1"], ["s2"], ["s3"]]`. Two pools: `[["p1", "p2"], ["q1"]]`.
 */
export type Scope = readonly (readonly string[])[];

/** `fail`: certainly not delivered. `unknown`: it may have been. */
export type SendState = "pending" | "ok" | "fail" | "unknown";

export interface Send {
  readonly id: string;
  readonly sender: string;
  readonly scope: Scope;
  readonly order: number;
  state: SendState;
  error: unknown;
  /** What an accepted cast or event resolved with. */
  receipt?: Receipt;
}

export interface Handling {
  readonly id: string;
  readonly consumer: string;
  readonly attempt: number;
}

/** What the history says, message by message. Empty lists everywhere: everything went as it should. */
export interface Judgement {
  readonly sent: number;
  readonly handled: number;
  /** Accepted, and not handled by a group that should have. */
  readonly missing: readonly string[];
  /** Handled more often than once in a group. */
  readonly duplicate: readonly string[];
  /** Handled by a consumer outside the message's scope. */
  readonly misrouted: readonly string[];
  /** Handled, though never sent or certainly refused. */
  readonly unexpected: readonly string[];
  /** Handled by one consumer after a later message of the same sender; looked for only where asked. */
  readonly reordered: readonly string[];
  /** Sends that were not accepted. */
  readonly rejected: readonly string[];
  /** Of unknown outcome, and handled: legal, told for the reader. */
  readonly recovered: readonly string[];
}

/** What a history is judged by, beside what it always is. */
export interface JudgeOptions {
  /** First handlings by each consumer must rise in the order of sending, sender by sender (B11). @default false */
  readonly order?: boolean;
  /** A message may come again, on a later attempt (`redelivery`, requeue). @default false */
  readonly repeats?: boolean;
  /** Sends may be refused or end unknown. @default false */
  readonly failures?: boolean;
  /** Of an accepted message that was not handled: whether its loss was told, as the manifest admits (B12). @default none */
  readonly isExcused?: (id: string) => boolean;
}

/**
 * The record of one case: every send from invoke to outcome, every handling with who and which attempt, and one judge.
 *
 * Nothing is dropped before judging: a duplicate, a late comer and a stranger stay in the record.
 */
export class History {
  readonly #sends = new Map<string, Send>();
  readonly #handlings: Handling[] = [];
  readonly #onHandled: () => void;
  #lastChange = performance.now();

  constructor(onHandled: () => void = () => {}) {
    this.#onHandled = onHandled;
  }

  get sends(): readonly Send[] {
    return [...this.#sends.values()];
  }

  get handlings(): readonly Handling[] {
    return this.#handlings;
  }

  /** Milliseconds since anything was sent, settled or handled. */
  get idleMs(): number {
    return performance.now() - this.#lastChange;
  }

  /** Notes that `id` is about to be sent. @throws ConformanceFailure for an id used twice: a fault of the case. */
  invoke(id: string, scope: Scope, sender = "sender"): Send {
    if (this.#sends.has(id)) throw new ConformanceFailure(`the case itself sent ${id} twice`);
    const send: Send = { id, sender, scope, order: this.#sends.size, state: "pending", error: undefined };
    this.#sends.set(id, send);
    this.#lastChange = performance.now();
    return send;
  }

  ok(send: Send): void {
    send.state = "ok";
    this.#lastChange = performance.now();
  }

  /** Notes a refusal: `fail` where the error says that it certainly did not run, else `unknown`. */
  refused(send: Send, error: unknown): void {
    send.state = outcomeOf(error);
    send.error = error;
    this.#lastChange = performance.now();
  }

  /** Sends `id` and notes its outcome. Resolves with what the send resolved with, or undefined where it was refused. */
  async record<Result>(
    id: string,
    scope: Scope,
    send: () => Promise<Result>,
    sender?: string,
  ): Promise<Result | undefined> {
    const entry = this.invoke(id, scope, sender);
    try {
      const result = await send();
      this.ok(entry);
      if (isReceipt(result)) entry.receipt = result;
      return result;
    } catch (error) {
      this.refused(entry, error);
      return undefined;
    }
  }

  handled(id: string, consumer: string, attempt = 1): void {
    this.#handlings.push({ id, consumer, attempt });
    this.#lastChange = performance.now();
    this.#onHandled();
  }

  countOf(id: string, consumer?: string): number {
    return this.#handlings.filter((h) => h.id === id && (consumer === undefined || h.consumer === consumer)).length;
  }

  /** What `consumer` handled, in its order. */
  seenBy(consumer: string): readonly string[] {
    return this.#handlings.filter((handling) => handling.consumer === consumer).map((handling) => handling.id);
  }

  /** True when no send is pending and each accepted one was handled by each of its groups. */
  isComplete(): boolean {
    const seen = this.#byId();
    for (const send of this.#sends.values()) {
      if (send.state === "pending") return false;
      if (send.state !== "ok") continue;
      const by = seen.get(send.id) ?? [];
      if (!send.scope.every((group) => by.some((handling) => group.includes(handling.consumer)))) return false;
    }
    return true;
  }

  judge(options: JudgeOptions = {}): Judgement {
    const missing: string[] = [];
    const duplicate: string[] = [];
    const misrouted: string[] = [];
    const unexpected: string[] = [];
    const rejected: string[] = [];
    const recovered: string[] = [];
    const seen = this.#byId();
    for (const send of this.#sends.values()) {
      const by = seen.get(send.id) ?? [];
      if (send.state !== "ok" && options.failures !== true) rejected.push(`${send.id} (${reasonOf(send)})`);
      if (send.state === "fail" && by.length > 0) unexpected.push(`${send.id} (refused, yet handled by ${who(by)})`);
      if (send.state === "unknown" && by.length > 0) recovered.push(send.id);
      for (const group of send.scope) {
        const mine = by.filter((handling) => group.includes(handling.consumer));
        if (mine.length === 0 && send.state === "ok" && options.isExcused?.(send.id) !== true)
          missing.push(`${send.id} at ${group.join("|")}${receiptOf(send)}`);
        const extra = options.repeats === true ? repeatedAttempts(mine) : mine.length - 1;
        if (extra > 0) duplicate.push(`${send.id} (${mine.length} times, at ${who(mine)})`);
      }
      const strangers = by.filter((handling) => !send.scope.some((group) => group.includes(handling.consumer)));
      if (strangers.length > 0) misrouted.push(`${send.id} at ${who(strangers)}`);
    }
    for (const [id, by] of seen) if (!this.#sends.has(id)) unexpected.push(`${id} at ${who(by)}`);
    const reordered = options.order === true ? this.#inversions() : [];
    const sent = this.#sends.size;
    const handled = this.#handlings.length;
    return { sent, handled, missing, duplicate, misrouted, unexpected, reordered, rejected, recovered };
  }

  #byId(): Map<string, Handling[]> {
    const seen = new Map<string, Handling[]>();
    for (const handling of this.#handlings) {
      const list = seen.get(handling.id);
      if (list === undefined) seen.set(handling.id, [handling]);
      else list.push(handling);
    }
    return seen;
  }

  #inversions(): string[] {
    const found: string[] = [];
    const last = new Map<string, Send>();
    const first = new Set<string>();
    for (const { id, consumer } of this.#handlings) {
      const send = this.#sends.get(id);
      if (send === undefined || first.has(`${consumer}\n${id}`)) continue;
      first.add(`${consumer}\n${id}`);
      const stream = `${consumer}\n${send.sender}`;
      const before = last.get(stream);
      if (before !== undefined && before.order > send.order) found.push(`${id} after ${before.id} at ${consumer}`);
      else last.set(stream, send);
    }
    return found;
  }
}

function isReceipt(value: unknown): value is Receipt {
  return typeof value === "object" && value !== null && "accepted" in value && "lost" in value;
}

/** What a receipt said of a message that nobody handled, where it was more than that one took it. */
function receiptOf({ receipt }: Send): string {
  if (receipt === undefined || (receipt.accepted > 0 && receipt.lost === 0)) return "";
  return ` (its send resolved with accepted ${receipt.accepted}, lost ${receipt.lost})`;
}

const FLAWS = ["missing", "duplicate", "misrouted", "unexpected", "reordered", "rejected"] as const;

/** `missing: m3; duplicate: m7 (2 times, at s1)`, or undefined where nothing is wrong. */
export function describeFlaws(judgement: Judgement): string | undefined {
  const parts: string[] = [];
  for (const flaw of FLAWS) {
    const ids = judgement[flaw];
    if (ids.length === 0) continue;
    const more = ids.length > 5 ? ` and ${ids.length - 5} more` : "";
    parts.push(`${flaw}: ${ids.slice(0, 5).join(", ")}${more}`);
  }
  return parts.length === 0 ? undefined : `${parts.join("; ")} (${judgement.sent} sent, ${judgement.handled} handled)`;
}

/** What an error says of the message: whether it certainly did not run (semantics G). A remote error was handled. */
export function outcomeOf(error: unknown): SendState {
  if (error instanceof RemoteError) return "ok";
  if (error instanceof ConnectionLostError) return error.mayHaveRun ? "unknown" : "fail";
  if (error instanceof TimeoutError || error instanceof AbortError) return "unknown";
  return error instanceof MessagingError ? "fail" : "unknown";
}

function reasonOf(send: Send): string {
  if (send.state === "pending") return "no outcome";
  return send.error instanceof MessagingError ? `${send.error.code}: ${send.error.message}` : String(send.error);
}

function who(handlings: readonly Handling[]): string {
  return [...new Set(handlings.map((handling) => handling.consumer))].join(", ");
}

/** How many handlings carry an attempt that was already seen: with requeue each attempt comes once. */
function repeatedAttempts(handlings: readonly Handling[]): number {
  return handlings.length - new Set(handlings.map((handling) => handling.attempt)).size;
}
