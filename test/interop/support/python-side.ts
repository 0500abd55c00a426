import { randomBytes } from "node:crypto";
import { until } from "@trunkline/core/testing";
import { type OsloPeer, type PeerEvent, PeerRaised, type Raised } from "../../support/oslo-peer.js";

/** A Target, as oslo.messaging has it. */
export interface PythonTarget {
  readonly topic: string;
  readonly exchange?: string;
  readonly server?: string;
  readonly namespace?: string;
  readonly version?: string;
  readonly fanout?: boolean;
}

/** How `peer.py` opens a transport. */
export interface PythonTransport {
  readonly url: string;
  readonly kind?: "rpc" | "notify";
  /** Of the group `oslo_messaging_rabbit`. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** Of the group `DEFAULT`. */
  readonly defaults?: Readonly<Record<string, unknown>>;
  /** `allowed_remote_exmods` */
  readonly allowed?: readonly string[];
}

/** An endpoint's Target; `label` is what `whoami` answers. */
export interface PythonEndpoint {
  readonly namespace?: string;
  readonly version?: string;
  readonly legacyNamespaces?: readonly (string | null)[];
  readonly label?: string;
}

/** Times are seconds, as in Python. */
export interface PythonCall {
  readonly context?: object;
  readonly timeout?: number;
  readonly monitor?: number;
  readonly retry?: number;
  readonly version_cap?: string;
}

export interface PythonListening {
  readonly targets: readonly { readonly topic: string; readonly exchange?: string }[];
  readonly priorities?: readonly string[];
  readonly pool?: string;
  /** `allow_requeue` */
  readonly requeues?: boolean;
  /** So many events, or batches, are asked for again first. */
  readonly requeue?: number;
  /** So many of them fail first. */
  readonly fail?: number;
  /** Each waits until this key is released. */
  readonly hold?: string;
  readonly filter?: object;
  readonly batchSize?: number;
  /** Seconds. */
  readonly batchTimeout?: number;
}

export interface PythonNotice {
  readonly priority: string;
  readonly event_type: string;
  readonly payload?: unknown;
  readonly context?: object;
  readonly publisher_id?: string;
  readonly driver?: "messaging" | "messagingv2";
  readonly topics: readonly string[];
  readonly retry?: number;
  readonly times?: number;
}

/** As an endpoint of the peer saw a request. */
export interface PythonHandled extends PeerEvent {
  readonly method: string;
  readonly context: Readonly<Record<string, unknown>>;
  readonly args: Readonly<Record<string, unknown>>;
  readonly label: string | null;
}

/** As a notification endpoint of the peer saw an event. */
export interface PythonNotified extends PeerEvent {
  readonly priority: string;
  readonly context: Readonly<Record<string, unknown>>;
  readonly publisherId: string | null;
  readonly eventType: string;
  readonly payload: unknown;
  readonly metadata: { readonly message_id: string; readonly timestamp: string };
}

/** As a batch endpoint of the peer saw a batch. */
export interface PythonBatch extends PeerEvent {
  readonly priority: string;
  readonly messages: readonly { readonly payload: unknown; readonly event_type: string }[];
}

/** A word that nothing else has. */
export function fresh(word: string): string {
  return `${word}-${randomBytes(5).toString("hex")}`;
}

/** Waits as long as a busy machine with two languages may take. */
export const WITHIN: { readonly withinMs: number } = { withinMs: 20_000 };

/** An rpc and a notification transport in the peer, and what is done over them. */
export class PythonSide {
  readonly peer: OsloPeer;
  readonly #rpc: string;
  readonly #notify: string;

  private constructor(peer: OsloPeer) {
    this.peer = peer;
    this.#rpc = fresh("rpc");
    this.#notify = fresh("notify");
  }

  static async open(peer: OsloPeer, transport: PythonTransport): Promise<PythonSide> {
    const side = new PythonSide(peer);
    await peer.ask("open", { ...transport, name: side.#rpc, kind: "rpc" });
    await peer.ask("open", { ...transport, name: side.#notify, kind: "notify" });
    return side;
  }

  /** The name of its rpc transport, for endpoints that call on. */
  get transport(): string {
    return this.#rpc;
  }

  async serve(target: PythonTarget, endpoints?: readonly PythonEndpoint[]): Promise<PythonServer> {
    const name = fresh(target.server ?? "");
    await this.peer.ask("serve", { name, transport: this.#rpc, target, endpoints });
    return new PythonServer(this.peer, name);
  }

  call<Result = unknown>(
    target: PythonTarget,
    method: string,
    args: object = {},
    { timeout = 20, ...options }: PythonCall = {},
  ): Promise<Result> {
    return this.peer.ask<Result>("call", { transport: this.#rpc, target, method, args, timeout, ...options });
  }

  cast(
    target: PythonTarget,
    method: string,
    args: object = {},
    options: { readonly context?: object; readonly retry?: number; readonly at_least_once?: boolean } = {},
  ): Promise<unknown> {
    return this.peer.ask("cast", { transport: this.#rpc, target, method, args, ...options });
  }

  fanout(target: PythonTarget, method: string, args: object = {}): Promise<unknown> {
    return this.cast({ ...target, fanout: true }, method, args);
  }

  notify(notice: PythonNotice): Promise<unknown> {
    return this.peer.ask("notify", { transport: this.#notify, ...notice });
  }

  async listen(listening: PythonListening): Promise<PythonListener> {
    const name = fresh("listener");
    await this.peer.ask("listen", { name, transport: this.#notify, ...listening });
    return new PythonListener(this.peer, name);
  }

  /** What the peer raises. @throws Error where it does not. */
  async raises(asked: Promise<unknown>): Promise<Raised> {
    let answer: unknown;
    try {
      answer = await asked;
    } catch (error) {
      if (error instanceof PeerRaised) return error.raised;
      throw error;
    }
    throw new Error(`Python raised nothing, and answered ${JSON.stringify(answer)}`);
  }

  /** Lets go what waits in `hold`. */
  release(key: string): Promise<unknown> {
    return this.peer.ask("release", { key });
  }
}

/** An RPC server in the peer. It goes with the peer where nobody stops it. */
export class PythonServer {
  readonly name: string;
  readonly #peer: OsloPeer;

  constructor(peer: OsloPeer, name: string) {
    this.#peer = peer;
    this.name = name;
  }

  /** What its endpoints saw. */
  handled(method?: string): readonly PythonHandled[] {
    const members = method === undefined ? { server: this.name } : { server: this.name, method };
    // The events of this name are those that `peer.py` makes so.
    return this.#peer.seen("handled", members) as readonly PythonHandled[];
  }

  /** Resolves with what they saw once it is so many. */
  async sees(count: number, method?: string): Promise<readonly PythonHandled[]> {
    const what = `the Python server ${this.name} to handle ${count} ${method ?? "requests"}`;
    return await until(
      () => {
        const handled = this.handled(method);
        return handled.length >= count && handled;
      },
      { ...WITHIN, what },
    );
  }

  /** In peace: what runs is waited for. */
  stop(): Promise<unknown> {
    return this.#peer.ask("stop", { name: this.name });
  }
}

/** A notification listener in the peer. It goes with the peer where nobody stops it. */
export class PythonListener {
  readonly name: string;
  readonly #peer: OsloPeer;

  constructor(peer: OsloPeer, name: string) {
    this.#peer = peer;
    this.name = name;
  }

  notified(): readonly PythonNotified[] {
    // The events of this name are those that `peer.py` makes so.
    return this.#peer.seen("notified", { listener: this.name }) as readonly PythonNotified[];
  }

  batches(): readonly PythonBatch[] {
    // The events of this name are those that `peer.py` makes so.
    return this.#peer.seen("batch", { listener: this.name }) as readonly PythonBatch[];
  }

  /** Resolves with what it saw once it is so much. */
  async sees(count: number): Promise<readonly PythonNotified[]> {
    return await until(
      () => {
        const notified = this.notified();
        return notified.length >= count && notified;
      },
      { ...WITHIN, what: `the Python listener ${this.name} to see ${count} events` },
    );
  }

  /** In peace: what runs is waited for. */
  stop(): Promise<unknown> {
    return this.#peer.ask("stop", { name: this.name });
  }
}
