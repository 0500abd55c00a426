/**
 * Who listens where: the brokerless drivers' name service. Register with a lease, look up, watch.
 *
 * A matchmaker knows addresses of *processes* and what each listens to. What a connected process says itself (its adverts)
 * is newer than any record, so records matter for finding processes, and adverts for choosing among listeners.
 */
import type { Priority } from "@trunkline/core/driver";

/** One listener of one process. Names are whole strings, never parsed (A5). */
export interface ListenerRecord {
  readonly kind: "rpc" | "events";
  readonly realm: string;
  readonly exchange: string;
  readonly topic: string;
  /** rpc only. */
  readonly server?: string;
  /** events only; absent for the pool without a name. */
  readonly pool?: string;
  /** events only. */
  readonly priorities?: readonly Priority[];
  /** The engine's address of the process: what to dial. */
  readonly address: string;
  /** Differs for each run of a process: a restarted one on the same address is another. */
  readonly incarnation: string;
}

/** The topic that a look-up asks for: all servers and pools on it. */
export interface TopicKey {
  readonly kind: "rpc" | "events";
  readonly realm: string;
  readonly exchange: string;
  readonly topic: string;
}

/** What `register` gives back; it is renewed by the matchmaker until it is withdrawn. */
export interface Lease {
  /** Removes the record. Idempotent; never rejects (a record that cannot be removed expires or is swept). */
  withdraw(): Promise<void>;
}

export interface Matchmaker {
  /** For people: `local`, `static`, … */
  readonly name: string;
  /** How long after `register` resolved another process may still not find the record (E2). */
  readonly joinLatencyMs: number;
  /** Makes sure that it can be used, before anything else is asked of it. @throws ConnectError, saying what to do. */
  open(): Promise<void>;
  /** The address that this process must listen on, or undefined where it cannot serve (a static URL without `bind`). */
  listenAddress(): Promise<string>;
  /**
   * Peers to be dialled when the transport opens and kept (static); empty where peers are dialled on use.
   */
  readonly standingPeers: readonly string[];
  /** Resolves when a look-up by another process finds it. @throws ListenError */
  register(record: ListenerRecord): Promise<Lease>;
  /** The records as they are now: a fresh read, never a cache. */
  lookup(key: TopicKey): Promise<readonly ListenerRecord[]>;
  /** Calls `onChange` whenever the answer to `lookup(key)` may have changed. The returned function ends the watch. */
  watch(key: TopicKey, onChange: () => void): () => void;
  /** Tells that a dialled record's address had no listener, so that what a killed process left can be swept. */
  refused(record: ListenerRecord): void;
  close(): Promise<void>;
}
