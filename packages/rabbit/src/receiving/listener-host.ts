import type { Clock } from "@trunkline/core/driver";
import type { Link, ReconnectPace } from "../connection/link.js";
import type { SendChannels } from "../sending/send-channels.js";
import type { Declarer } from "../topology/declare.js";
import type { Naming } from "../topology/naming.js";
import type { Wire } from "../wire/wire.js";
import type { Answers } from "./answers.js";

/** What counts as dropped, by the name of its counter (F1, B9, B10). */
export type DropCounter =
  | "malformed"
  | "duplicates"
  | "cancelled"
  | "lateReplies"
  | "repliesLost"
  | "fanoutsDropped"
  | "foreign";

/** What servers and listeners have from their transport. */
export interface ListenerHost {
  readonly link: Link;
  readonly clock: Clock;
  readonly pace: ReconnectPace;
  readonly declarer: Declarer;
  readonly naming: Naming;
  readonly channels: SendChannels;
  readonly answers: Answers;
  readonly wire: Wire;
  readonly clockToleranceMs: number;
  readonly startWithinMs: number;
  readonly consumerTimeoutMs: number;
  random(): number;
  newId(): string;
  dropped(counter: DropCounter, reason: string, peer?: string): void;
  castsLost(count: number, peer: string): void;
  warn(message: string, error?: unknown): void;
}
