// Long because at most once is one story: what comes for the first time, comes again, is settled, given back, or left behind.

import type { Address, Delivery, ListenOptions, MessagingError, Outcome, Verdict } from "@trunkline/core/driver";
import type { ConsumeMessage } from "amqplib";
import type { ClaimDesk, Finding } from "../control/claim-desk.js";
import { ANSWER_MS } from "../control/claim-rounds.js";
import type { Source } from "../topology/declarations.js";
import type { AckToken } from "./ack-token.js";
import { type ArrivedRequest, readArrivedRequest, unreadable } from "./arrival.js";
import { BaseListener } from "./base-listener.js";
import { HandBack } from "./hand-back.js";
import { HoldWatch, spanText } from "./hold-watch.js";
import type { Ledger } from "./ledger.js";
import type { ListenerHost } from "./listener-host.js";
import { RpcDelivery, type RpcDeliveryHost } from "./rpc-delivery.js";

/** A caller is told within this time that nobody knows of its call; a cast waits for servers that are just connecting again. */
const CALL_CLAIM_MS = 1_000;
const CAST_CLAIM_MS = ANSWER_MS;

export interface DurableServerParts {
  readonly host: ListenerHost;
  readonly driverName: string;
  readonly address: Address;
  /** Unique in the world. */
  readonly instance: string;
  readonly sources: readonly Source[];
  /** Of the whole transport: its servers share queues. */
  readonly ledger: Ledger<RpcDelivery>;
  readonly claims: ClaimDesk;
  readonly options: ListenOptions;
  deliver(delivery: Delivery): void;
  onEnd(): void;
}

/**
 * A server of `rabbit://`. A request is acknowledged when it is settled and its reply is with the broker, so that the broker knows
 * of each one that a dead process held.
 *
 * Such a one comes again, flagged, and is not run: its caller is told, and a cast is counted (B12). The flag alone proves nothing: it
 * may have been on its way to a server that lives and never saw it. So the servers of the topic are asked, and where each that could
 * have had it says that it has not begun it, it is run.
 */
export class DurableServer extends BaseListener<RpcDelivery> implements RpcDeliveryHost {
  readonly driverName: string;
  readonly #address: Address;
  readonly #instance: string;
  readonly #ledger: Ledger<RpcDelivery>;
  readonly #claims: ClaimDesk;
  readonly #mine: Set<RpcDelivery> = new Set();
  readonly #handBacks: Set<Promise<void>> = new Set();
  readonly #replies: Set<Promise<void>> = new Set();
  readonly #watch: HoldWatch<RpcDelivery>;
  /** So many acknowledgements may be held up without the broker holding up what comes. */
  readonly #mayLag: number;
  /** From which something came that nobody had had before: what the dead before this server left has come by then. */
  readonly #freshSources: Set<Source> = new Set();

  constructor(parts: DurableServerParts) {
    const { host, address, instance, sources, options } = parts;
    const name = `topic "${address.topic}" as server "${address.server ?? ""}"`;
    super(host, name, sources, parts.deliver, options, (source) => prefetchOf(source, options), parts.onEnd);
    this.driverName = parts.driverName;
    this.#address = address;
    this.#instance = instance;
    this.#ledger = parts.ledger;
    this.#claims = parts.claims;
    this.#mayLag = Math.max(1, Math.floor(options.credit / 8));
    this.#watch = new HoldWatch(host.clock, host.consumerTimeoutMs, this.#mine, (held) => this.#overdue(held));
  }

  takes(delivery: RpcDelivery): boolean {
    const { id } = delivery.arrived;
    if (this.#claims.isCancelled(id)) {
      this.host.dropped("cancelled", "a request whose caller had given up", delivery.peer);
      return false;
    }
    return this.#ledger.take(delivery.key);
  }

  beats(delivery: RpcDelivery): void {
    const { replyTo } = delivery.arrived;
    if (replyTo === undefined) return;
    this.host.answers.beat(replyTo.queue, this.host.wire.beat(replyTo.callId));
  }

  settles(delivery: RpcDelivery, verdict: Verdict, outcome: Outcome | undefined): void {
    if (verdict === "hand-back" && !delivery.isTaken) {
      this.gate.release();
      this.#handBack(delivery);
      return;
    }
    const { replyTo } = delivery.arrived;
    if (verdict === "done" && replyTo !== undefined) {
      const body = this.host.wire.outcome(replyTo.callId, outcome ?? NOTHING);
      this.gate.release();
      if (delivery.isCancelled) this.#finish(delivery);
      else this.#reply(delivery, replyTo.queue, body);
      return;
    }
    this.gate.release();
    this.#finish(delivery);
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
    const key = source.isOwn ? `${this.#instance} ${arrived.id}` : arrived.id;
    const held = this.#ledger.held(key);
    if (held?.isGivenBackIn(arrived) === true) {
      // A server of this transport gave it back, and the broker's word for that is still to come: here is its next.
      held.hasComeAgain = true;
    } else if (held !== undefined) {
      // The connection was lost while it was here; here it still is.
      held.holds.push(hold);
      return;
    }
    if (this.#ledger.wasTaken(key)) {
      token.ack(hold.tag);
      this.host.dropped("duplicates", "a request that came again after it was handled", arrived.peer);
      return;
    }
    if (this.#claims.isCancelled(arrived.id)) {
      token.ack(hold.tag);
      this.host.dropped("cancelled", "a request whose caller had given up", arrived.peer);
      return;
    }
    if (arrived.isRedelivered && !source.isOwn) {
      this.#heldBefore(arrived, key);
      return;
    }
    this.#freshSources.add(source);
    this.#admit(arrived, key);
  }

  protected giveBack(delivery: RpcDelivery): void {
    if (delivery.isSettled) return;
    delivery.end();
    this.#handBack(delivery);
  }

  released(): void {
    this.gate.release();
  }

  protected abandon(): void {
    this.#watch.close();
    for (const delivery of [...this.#mine]) {
      if (delivery.isSettled) continue;
      const wasTaken = delivery.isTaken;
      delivery.end();
      if (!wasTaken) this.#handBack(delivery);
      else if (delivery.wantsReply) this.#lose(delivery, "the server left before its handler had finished", true);
      else {
        this.host.castsLost(1, delivery.peer);
        this.#finish(delivery);
      }
    }
  }

  protected async parted(): Promise<void> {
    await Promise.all([...this.#handBacks, ...this.#replies]);
  }

  protected async clearOwn(): Promise<void> {
    // Unreachable, it goes by itself after a while.
    for (const queue of this.ownQueues) await this.consumer.channel?.deleteQueue(queue).catch(() => {});
  }

  protected override onDown(_error: MessagingError): void {
    this.#claims.forget(this);
    this.#claims.broke(this.#address);
  }

  #admit(arrived: ArrivedRequest, key: string): void {
    const { server, realm, exchange, topic } = this.#address;
    const { scope } = arrived.source;
    const to: Address = {
      realm,
      exchange,
      topic,
      ...(scope === "server" && server !== undefined ? { server } : {}),
      ...(scope === "fanout" ? { fanout: true as const } : {}),
    };
    const delivery = new RpcDelivery(this, arrived, to, key, this.host.clock.now());
    this.#ledger.hold(key, delivery);
    this.#mine.add(delivery);
    if (this.isStopping) this.giveBack(delivery);
    else this.gate.offer(delivery);
  }

  /** Another consumer had it and did not settle it: perhaps it has begun. */
  #heldBefore(arrived: ArrivedRequest, key: string): void {
    const { replyTo, hold, id } = arrived;
    const withinMs = replyTo === undefined ? CAST_CLAIM_MS : CALL_CLAIM_MS;
    this.#claims.ask(this, this.#address, id, withinMs, (finding) => {
      if (!hold.token.isOpen) return;
      if (finding === "nobody" && this.#provesMuch(arrived)) this.#admit(arrived, key);
      else this.#foreign(arrived, finding);
    });
  }

  /**
   * Whether those who can be asked are all that can have had it: it was sent since this transport has known who serves the topic, and
   * after the last of them was lost. Clocks differ; a queue gives what those held who died before this server came before all else.
   */
  #provesMuch({ sentAtMs, source }: ArrivedRequest): boolean {
    if (sentAtMs === undefined) return false;
    const { since, lostUntil } = this.#claims.knowledgeOf(this.#address);
    const { clockToleranceMs } = this.host;
    if (sentAtMs < lostUntil + clockToleranceMs) return false;
    return sentAtMs >= since + clockToleranceMs || (sentAtMs >= since && this.#freshSources.has(source));
  }

  /** It is not for this server to run. */
  #foreign({ replyTo, hold, peer, until }: ArrivedRequest, finding: Finding): void {
    if (finding === "claimed") {
      hold.token.ack(hold.tag);
      this.host.dropped("foreign", "a request that came again while another server has it, or had it", peer);
      return;
    }
    if (replyTo === undefined) {
      hold.token.ack(hold.tag);
      this.host.castsLost(1, peer);
      return;
    }
    const message = "the server that held the request is gone; it may have run";
    const body = this.host.wire.lost(replyTo.callId, message, true);
    this.host.dropped("foreign", "a call that another server held when it was lost: its caller is told", peer);
    void this.host.answers.reply(replyTo.queue, body, until, () => hold.token.ack(hold.tag));
  }

  #reply(delivery: RpcDelivery, queue: string, body: Buffer): void {
    const told = this.host.answers.reply(queue, body, delivery.until, () => this.#finish(delivery));
    this.#replies.add(told);
    void told.then(() => this.#replies.delete(told));
  }

  #lose(delivery: RpcDelivery, message: string, mayHaveRun: boolean): void {
    const { replyTo } = delivery.arrived;
    if (replyTo === undefined) this.#finish(delivery);
    else this.#reply(delivery, replyTo.queue, this.host.wire.lost(replyTo.callId, message, mayHaveRun));
  }

  /** It is settled, and the broker may forget it; of a call nobody needs to know that soon, for its caller knows. */
  #finish(delivery: RpcDelivery): void {
    delivery.acknowledge(delivery.wantsReply ? this.#mayLag : 1);
    this.#release(delivery);
  }

  #release(delivery: RpcDelivery): void {
    this.#ledger.release(delivery.key, delivery);
    this.#mine.delete(delivery);
  }

  /** It was never dispatched, and goes to another: published again under its own id, confirmed, then acknowledged. */
  #handBack(delivery: RpcDelivery): void {
    const { source, peer } = delivery.arrived;
    if (source.isOwn) {
      this.host.dropped("fanoutsDropped", "a fanout that came as its server stopped", peer);
      this.#finish(delivery);
      return;
    }
    delivery.isGivenBack = true;
    const done = new HandBack(delivery.arrived, this.host).send().then((fate) => {
      switch (delivery.hasComeAgain ? "taken" : fate) {
        case "taken":
          if (!delivery.isHeldByBroker) this.#ledger.gaveCopy(delivery.key);
          this.#finish(delivery);
          return;
        case "kept":
          // Unacknowledged, it goes back by itself, flagged.
          this.#release(delivery);
          return;
        case "unroutable":
        case "doubtful":
          this.#lost(delivery, fate === "doubtful");
      }
    });
    this.#handBacks.add(done);
    void done.then(() => this.#handBacks.delete(done));
  }

  /** What waits goes to another server; what runs is the broker's no more, and should this process die, nobody is told. */
  #overdue(delivery: RpcDelivery): void {
    if (delivery.isSettled || delivery.holds.length === 0) return;
    const held = spanText(this.host.clock.now() - delivery.since);
    const { method } = delivery.message;
    if (delivery.isTaken) {
      delivery.acknowledge();
      this.host.warn(
        `${method} of ${this.name} has run for ${held}, half of what the broker allows (consumerTimeoutMs): acknowledged. Should the process die now, its caller hears of it by its deadline only; use monitorMs`,
      );
      return;
    }
    delivery.withdraw();
    this.#handBack(delivery);
    this.host.warn(
      `${method} of ${this.name} has waited for ${held} for a handler, half of what the broker allows (consumerTimeoutMs): given back`,
    );
  }

  #lost(delivery: RpcDelivery, mayHaveRun: boolean): void {
    if (!delivery.wantsReply) this.host.castsLost(1, delivery.peer);
    this.#lose(delivery, "the server stopped, and could not give the request back", mayHaveRun);
  }
}

const NOTHING: Outcome = { ok: true, value: null };

/**
 * What the broker may hand over of each queue; all together the gate holds to the credit. A queue of calls keeps all handlers busy with
 * half of it. A quorum queue hears of an acknowledgement a write to disk later, and needs all of it to be as quick.
 */
function prefetchOf({ kind, scope }: Source, { credit, concurrency = Math.ceil(credit / 2) }: ListenOptions): number {
  if (kind === "call" && scope === "topic") return Math.min(credit, Math.max(concurrency, Math.ceil(credit / 2)));
  return credit;
}
