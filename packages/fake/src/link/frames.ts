import type { Priority, Subscription, Verdict } from "@trunkline/core/driver";

/**
 * What travels on a link. Frames hold primitives and bytes: what an application passed is in `body`, encoded, and never
 * travels by reference.
 */
export type MessageKind = "call" | "cast" | "fanout" | "event";

/** Where a message was sent to: the primitives of an `Address`, without its memo. */
export interface Destination {
  readonly realm: string;
  readonly exchange: string;
  readonly topic: string;
  readonly server?: string;
}

/** One message as its sender put it on the link. */
export interface MessageFrame {
  readonly type: "message";
  /** The sender's number for it, rising; never used again by that transport. */
  readonly n: number;
  readonly kind: MessageKind;
  readonly to: Destination;
  readonly id: string;
  /** The method of a request, the event type of an event. */
  readonly label: string;
  /** Of an event. */
  readonly priority?: Priority;
  /** What was left until the sender's deadline when it was put on the link. */
  readonly remainingMs: number;
  readonly monitorMs?: number;
  readonly body: Buffer;
}

export interface ListenerTerms {
  /** The transport's number for the listener. */
  readonly listener: number;
  readonly what: Subscription;
  readonly credit: number;
  readonly acknowledge: "on-take" | "on-settle";
}

/** From a transport to the bus. */
export type UpFrame =
  | MessageFrame
  | { readonly type: "cancel"; readonly n: number; readonly reason: string }
  | { readonly type: "listen"; readonly terms: ListenerTerms }
  | { readonly type: "credit"; readonly listener: number; readonly credit: number }
  /** Goaway: nothing new for this listener. */
  | { readonly type: "stop"; readonly listener: number }
  | { readonly type: "close-listener"; readonly listener: number }
  | { readonly type: "beat"; readonly delivery: number }
  | {
      readonly type: "settle";
      readonly delivery: number;
      readonly verdict: Verdict;
      readonly mayHaveRun: boolean;
      readonly outcome?: Buffer;
      readonly delayMs?: number;
      /** Of an event that the bus hands out again if this does not arrive: whose it was, and what it is known by there. */
      readonly event?: { readonly listener: number; readonly key: string };
    }
  /** The first frame of a session that follows a lost one: what is listened to, and the last delivery that arrived. */
  | { readonly type: "resume"; readonly listeners: readonly ListenerTerms[]; readonly lastDelivery: number }
  | { readonly type: "bye"; readonly lastDelivery: number };

/** From the bus to a transport. */
export type DownFrame =
  /** A cast, fanout or event was taken over. */
  | { readonly type: "accepted"; readonly n: number; readonly accepted: number; readonly lost: number }
  /** A call was handed to this peer. */
  | { readonly type: "dispatched"; readonly n: number; readonly peer: string }
  | { readonly type: "refused"; readonly n: number; readonly why: "no-listener" | "overloaded"; readonly text: string }
  | { readonly type: "lost"; readonly n: number; readonly text: string; readonly mayHaveRun: boolean }
  | { readonly type: "beaten"; readonly n: number }
  | { readonly type: "reply"; readonly n: number; readonly peer: string; readonly outcome: Buffer }
  | { readonly type: "casts-lost"; readonly count: number; readonly peer: string }
  | { readonly type: "duplicate" }
  | { readonly type: "listening"; readonly listener: number }
  | { readonly type: "stopped"; readonly listener: number }
  | DeliverFrame
  | { readonly type: "cancelled"; readonly delivery: number; readonly reason: string };

/** One message handed to one listener. */
export interface DeliverFrame {
  readonly type: "deliver";
  readonly listener: number;
  /** The bus's number for it on this link, rising. */
  readonly delivery: number;
  readonly kind: MessageKind;
  readonly to: Destination;
  readonly peer: string;
  readonly id: string;
  readonly attempt: number;
  readonly redelivered: boolean;
  /** Of a call. */
  readonly remainingMs?: number;
  readonly monitorMs?: number;
  readonly body: Buffer;
}
