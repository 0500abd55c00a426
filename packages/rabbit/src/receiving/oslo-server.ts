import {
  type Address,
  Beats,
  type Delivery,
  type DuplicateWindow,
  type ListenOptions,
  type Outcome,
  type Timer,
  type Verdict,
} from "@trunkline/core/driver";
import type { ConsumeMessage } from "amqplib";
import type { Source } from "../topology/declarations.js";
import { AckFence } from "./ack-fence.js";
import type { AckToken } from "./ack-token.js";
import { type ArrivedRequest, readArrivedRequest, unreadable } from "./arrival.js";
import { BaseListener } from "./base-listener.js";
import { HandBack } from "./hand-back.js";
import { HoldWatch } from "./hold-watch.js";
import type { ListenerHost } from "./listener-host.js";
import { RpcDelivery, type RpcDeliveryHost } from "./rpc-delivery.js";

export interface OsloServerParts {
  readonly host: ListenerHost;
  readonly driverName: string;
  readonly address: Address;
  readonly sources: readonly Source[];
  readonly options: ListenOptions;
  /** Unique in the world. */
  readonly instance: string;
  /** Of the whole transport: its servers share queues. */
  readonly window: DuplicateWindow;
  /** How many messages of one queue the broker hands over; 0: as the credit says. */
  readonly prefetch: number;
  deliver(delivery: Delivery): void;
  onEnd(): void;
}

/** After so long a request whose acknowledgement was in doubt, and that has not come again here, counts as lost. */
const DOUBT_MS = 10_000;

/**
 * A server of `rabbit+oslo://`. A request is acknowledged before it is dispatched, as by its peers: what is unacknowledged was never
 * dispatched, and may go to any other. So that the reverse is true as well, and nothing runs twice (B12), it is dispatched once the
 * broker is known to have heard the acknowledgement; where the connection ends in between, it is not run.
 */
export class OsloServer extends BaseListener<RpcDelivery> implements RpcDeliveryHost {
  readonly driverName: string;
  readonly #address: Address;
  readonly #instance: string;
  readonly #window: DuplicateWindow;
  readonly #options: ListenOptions;
  readonly #prefetch: number;
  readonly #deliver: (delivery: Delivery) => void;
  readonly #mine: Set<RpcDelivery> = new Set();
  /** Acknowledged, and the broker has heard it. */
  readonly #own: Set<RpcDelivery> = new Set();
  readonly #doubts: Map<string, Timer> = new Map();
  readonly #replies: Set<Promise<void>> = new Set();
  readonly #handBacks: Set<Promise<void>> = new Set();
  readonly #watch: HoldWatch<RpcDelivery>;
  /** For what waits here; for what core has, core beats. */
  readonly #beats: Beats;
  #fence: AckFence | undefined;

  constructor(parts: OsloServerParts) {
    const { host, address, sources, options } = parts;
    const name = `topic "${address.topic}" as server "${address.server ?? ""}"`;
    const prefetch = parts.prefetch || waitingShareOf(options);
    // What core has, it runs: what waits for a handler waits here, and is the broker's still.
    const runs = { ...options, credit: runningShareOf(options) };
    const take = (delivery: RpcDelivery): void => this.#acknowledge(delivery);
    super(host, name, sources, take, runs, () => prefetch, parts.onEnd);
    this.driverName = parts.driverName;
    this.#address = address;
    this.#instance = parts.instance;
    this.#window = parts.window;
    this.#options = options;
    this.#prefetch = prefetch;
    this.#deliver = parts.deliver;
    this.#beats = new Beats(host.clock);
    this.#watch = new HoldWatch(host.clock, host.consumerTimeoutMs, this.#mine, (held) => this.#overdue(held));
  }

  override setCredit(deliveries: number): void {
    super.setCredit(runningShareOf({ ...this.#options, credit: deliveries }));
  }

  takes(delivery: RpcDelivery): boolean {
    if (this.#window.isNew(delivery.key)) return true;
    this.host.dropped("duplicates", "a request that came again under its own id", delivery.peer);
    return false;
  }

  beats(delivery: RpcDelivery): void {
    const { replyTo } = delivery.arrived;
    if (replyTo === undefined) return;
    this.host.answers.beat(replyTo.queue, this.host.wire.beat(replyTo.callId));
  }

  settles(delivery: RpcDelivery, verdict: Verdict, outcome: Outcome | undefined): void {
    const { replyTo } = delivery.arrived;
    if (verdict === "done" && replyTo !== undefined) {
      this.#reply(delivery, replyTo.queue, this.host.wire.outcome(replyTo.callId, outcome ?? NOTHING));
    } else if (verdict === "hand-back" && !delivery.isTaken) this.#publishAgain(delivery);
    this.#forget(delivery);
    this.gate.release();
  }

  protected receive(message: ConsumeMessage, source: Source, token: AckToken): void {
    const hold = { token, tag: message.fields.deliveryTag };
    let arrived: ArrivedRequest;
    try {
      arrived = readArrivedRequest(message, source, hold, this.host);
    } catch (error) {
      token.reject(hold.tag);
      this.host.dropped("malformed", `a request that cannot be read: ${unreadable(error)}`);
      return;
    }
    const key = source.scope === "fanout" ? `${this.#instance} ${arrived.id}` : arrived.id;
    this.#doubts.get(key)?.cancel();
    this.#doubts.delete(key);
    if (this.#window.has(key)) {
      token.ack(hold.tag);
      this.host.dropped("duplicates", "a request that came again under its own id", arrived.peer);
      return;
    }
    const { server, realm, exchange, topic } = this.#address;
    const to: Address = {
      realm,
      exchange,
      topic,
      ...(source.scope === "server" && server !== undefined ? { server } : {}),
      ...(source.scope === "fanout" ? { fanout: true as const } : {}),
    };
    const delivery = new RpcDelivery(this, arrived, to, key, this.host.clock.now());
    this.#mine.add(delivery);
    if (this.isStopping) this.giveBack(delivery);
    else {
      this.#beats.start(delivery);
      this.gate.offer(delivery);
    }
  }

  /** It waits here, and is the broker's: or was about to be handed over as the server stopped. */
  protected giveBack(delivery: RpcDelivery): void {
    if (delivery.isSettled) return;
    const { token, tag } = delivery.arrived.hold;
    delivery.end();
    this.#forget(delivery);
    token.giveBack(tag);
  }

  protected override async lastTaken(): Promise<void> {
    await this.#fence?.idle();
  }

  released(): void {
    this.gate.release();
  }

  protected abandon(): void {
    this.#watch.close();
    for (const timer of this.#doubts.values()) timer.cancel();
    for (const delivery of [...this.#mine]) {
      if (delivery.isSettled) continue;
      if (!delivery.isTaken) {
        if (!this.#own.has(delivery)) {
          this.giveBack(delivery);
          continue;
        }
        this.#publishAgain(delivery);
      }
      const wasTaken = delivery.isTaken;
      delivery.end();
      this.#forget(delivery);
      if (!wasTaken) continue;
      const { replyTo } = delivery.arrived;
      if (replyTo === undefined) {
        this.host.castsLost(1, delivery.peer);
        continue;
      }
      const message = "the server left before its handler had finished";
      this.#reply(delivery, replyTo.queue, this.host.wire.lost(replyTo.callId, message, true));
    }
  }

  protected async parted(): Promise<void> {
    await Promise.all([...this.#replies, ...this.#handBacks]);
  }

  protected async clearOwn(): Promise<void> {
    // As its peers do; unreachable, it goes by itself after a while.
    for (const queue of this.ownQueues) await this.consumer.channel?.deleteQueue(queue).catch(() => {});
  }

  /** What waits goes to another server. What runs was acknowledged before. */
  #overdue(delivery: RpcDelivery): void {
    if (delivery.isSettled || delivery.isTaken) return;
    const { token, tag } = delivery.arrived.hold;
    if (this.#own.has(delivery)) return;
    delivery.withdraw();
    this.#forget(delivery);
    token.giveBack(tag);
    const words = `${delivery.message.method} of ${this.name} has waited for a handler for half of what the broker allows`;
    this.host.warn(`${words} (consumerTimeoutMs): given back`);
  }

  #reply(delivery: RpcDelivery, queue: string, body: Buffer): void {
    const told = this.host.answers.reply(queue, body, delivery.until, () => {});
    this.#replies.add(told);
    void told.then(() => this.#replies.delete(told));
  }

  #acknowledge(delivery: RpcDelivery): void {
    const { token, tag } = delivery.arrived.hold;
    if (!token.isOpen) {
      // The broker has given it to another.
      delivery.end();
      this.#forget(delivery);
      this.gate.release();
      return;
    }
    if (this.#fence?.token !== token) this.#fence = new AckFence(token, this.#prefetch);
    this.#fence.acknowledge(tag, {
      heard: () => {
        this.#own.add(delivery);
        this.#beats.stop(delivery);
        this.#deliver(delivery);
      },
      doubtful: () => this.#doubt(delivery),
    });
  }

  /** It was not begun. Where the broker has not heard the acknowledgement either, it comes again, here or elsewhere. */
  #doubt(delivery: RpcDelivery): void {
    const { key, peer, wantsReply } = delivery;
    delivery.end();
    this.#forget(delivery);
    this.gate.release();
    if (wantsReply || delivery.arrived.source.isOwn) return;
    const lost = (): void => {
      this.#doubts.delete(key);
      this.host.castsLost(1, peer);
    };
    this.#doubts.set(key, this.host.clock.setTimer(lost, DOUBT_MS, { background: true }));
  }

  /** It is ours alone and was never begun: it goes to another under its own id. */
  #publishAgain(delivery: RpcDelivery): void {
    const { source, peer } = delivery.arrived;
    if (source.isOwn) {
      this.host.dropped("fanoutsDropped", "a fanout that came as its server stopped", peer);
      return;
    }
    const done = new HandBack(delivery.arrived, this.host).send().then((fate) => {
      if (fate !== "taken" && !delivery.wantsReply) this.host.castsLost(1, peer);
    });
    this.#handBacks.add(done);
    void done.then(() => this.#handBacks.delete(done));
  }

  #forget(delivery: RpcDelivery): void {
    this.#mine.delete(delivery);
    this.#own.delete(delivery);
    this.#beats.stop(delivery);
  }
}

const NOTHING: Outcome = { ok: true, value: null };

/** What runs is acknowledged already and counts no more at the broker; so many beside it make up the credit. */
function runningShareOf({ credit, concurrency = Math.ceil(credit / 2) }: ListenOptions): number {
  return Math.min(credit, concurrency);
}

function waitingShareOf(options: ListenOptions): number {
  return Math.max(1, options.credit - runningShareOf(options));
}
