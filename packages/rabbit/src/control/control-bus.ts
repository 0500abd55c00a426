import { type Address, type CancelReason, DuplicateWindow, MalformedError } from "@trunkline/core/driver";
import type { ConsumeMessage, Options } from "amqplib";
import type { Inbox } from "../receiving/inbox.js";
import { DUPLICATE_WINDOW, type Ledger } from "../receiving/ledger.js";
import type { ListenerHost } from "../receiving/listener-host.js";
import type { RpcDelivery } from "../receiving/rpc-delivery.js";
import type { Publication } from "../sending/publication.js";
import type { Binding, Route } from "../topology/declarations.js";
import { CONTROL_EXCHANGE, type RabbitNaming } from "../topology/rabbit-naming.js";
import type { ClaimDesk, Finding, Knowledge } from "./claim-desk.js";
import { ClaimRounds } from "./claim-rounds.js";
import { encodeNotice, type Notice, type NoticeKind, readNotice, typeOf } from "./notices.js";
import { RollCall } from "./roll-call.js";
import { Roster } from "./roster.js";

export interface ControlBusParts {
  readonly naming: RabbitNaming;
  readonly inbox: Inbox;
  readonly ledger: Ledger<RpcDelivery>;
  readonly host: ListenerHost;
}

/** One topic that is served here. */
interface Service {
  readonly roster: Roster;
  readonly rollCall: RollCall;
  /** How many servers of this transport serve it. */
  servers: number;
  /** How many of them consume. */
  consuming: number;
  /** One of them has lost a connection. */
  hasBroken: boolean;
}

/** What is told to an inbox waits in it while its connection is made again; beyond, some may have gone by. */
const UNHEARD_MS = 60_000;

/** Cancellations, and what the servers of a topic ask each other, over one exchange and the inboxes of those that serve it. */
export class ControlBus implements ClaimDesk {
  readonly #naming: RabbitNaming;
  readonly #inbox: Inbox;
  readonly #ledger: Ledger<RpcDelivery>;
  readonly #host: ListenerHost;
  readonly #cancelled: DuplicateWindow;
  /** The topics that this transport serves. */
  readonly #served: Map<string, Service> = new Map();
  readonly #rounds: ClaimRounds;
  /** Where the inbox was consumed last. */
  #place: string | undefined;

  constructor({ naming, inbox, ledger, host }: ControlBusParts) {
    this.#naming = naming;
    this.#inbox = inbox;
    this.#ledger = ledger;
    this.#host = host;
    this.#cancelled = new DuplicateWindow({ ...DUPLICATE_WINDOW, clock: host.clock });
    this.#rounds = new ClaimRounds({
      clock: host.clock,
      rosterOf: (topic) => this.#served.get(topic)?.roster,
      askAll: (topic, round, ids) => this.#tell(topic, "who", { round, ids }),
    });
  }

  /** Messages of which it is not known whether they may run. */
  get questions(): number {
    return this.#rounds.questions;
  }

  /** From now on this transport hears the notices of the topic. Resolves when that is so. */
  async serve(address: Address): Promise<void> {
    const topic = this.#naming.controlKey(address);
    const known = this.#served.get(topic);
    const service = known ?? this.#newService(address);
    service.servers += 1;
    this.#served.set(topic, service);
    try {
      await this.#inbox.bind(bindingOf(topic));
    } catch (error) {
      this.leave(address);
      throw error;
    }
    if (known === undefined) this.#tell(topic, "join", { servers: 0 });
  }

  /** One of the servers of {@link serve} consumes. */
  consumes(address: Address): void {
    const topic = this.#naming.controlKey(address);
    const service = this.#served.get(topic);
    if (service === undefined) return;
    service.consuming += 1;
    this.#tell(topic, "join", { servers: service.consuming });
    if (service.consuming === 1) service.rollCall.start();
  }

  leave(address: Address): void {
    const topic = this.#naming.controlKey(address);
    const service = this.#served.get(topic);
    if (service === undefined) return;
    service.servers -= 1;
    service.consuming = Math.min(service.consuming, service.servers);
    if (service.servers > 0) return;
    service.rollCall.stop();
    this.#served.delete(topic);
    this.#inbox.unbind(bindingOf(topic));
    this.#tell(topic, service.hasBroken ? "gone" : "leave");
  }

  /**
   * The inbox is consumed again, at `place`, after so long: where others may have come to serve unheard meanwhile, they are asked.
   */
  resumed(place: string, downMs: number): void {
    const isElsewhere = this.#place !== undefined && this.#place !== place;
    this.#place = place;
    if (!isElsewhere && downMs <= UNHEARD_MS) return;
    for (const [topic, service] of this.#served) {
      service.roster.doubted();
      this.#tell(topic, "join", { servers: service.consuming });
      if (service.consuming > 0) service.rollCall.start();
    }
  }

  /** Tells the servers of the topic that nobody waits for this request any more (B7). */
  cancel(address: Address, id: string, reason: CancelReason): void {
    const detail = reason === "aborted" ? "its caller's signal was aborted" : "its caller has closed";
    this.#tell(this.#naming.controlKey(address), "cancel", { ids: [id], detail });
  }

  isCancelled(id: string): boolean {
    return this.#cancelled.has(id);
  }

  knowledgeOf(address: Address): Knowledge {
    return this.#served.get(this.#naming.controlKey(address))?.roster ?? NO_KNOWLEDGE;
  }

  broke(address: Address): void {
    const service = this.#served.get(this.#naming.controlKey(address));
    if (service !== undefined) service.hasBroken = true;
  }

  ask(asker: object, address: Address, id: string, withinMs: number, answer: (finding: Finding) => void): void {
    this.#rounds.ask(asker, this.#naming.controlKey(address), id, withinMs, answer);
  }

  forget(asker: object): void {
    this.#rounds.forget(asker);
  }

  /** A notice has come to the inbox. */
  received({ content, properties }: ConsumeMessage): void {
    let notice: Notice;
    try {
      notice = readNotice(String(properties.type), content);
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error;
      this.#host.dropped("malformed", `a notice that cannot be read: ${error.message}`);
      return;
    }
    // What is said to all comes back to who said it.
    if (notice.from !== this.#inbox.name || notice.kind === "cancel") this.#heed(notice);
  }

  close(): void {
    for (const { rollCall } of this.#served.values()) rollCall.stop();
    this.#rounds.close();
  }

  #newService(address: Address): Service {
    const { clock } = this.#host;
    const queue = this.#naming.sharedQueue(address);
    const roster = new Roster(clock);
    const consumers = (): Promise<number | undefined> => this.#inbox.consumersOf(queue);
    const rollCall = new RollCall({ clock, roster, consumers, own: () => service.consuming });
    const service: Service = { roster, rollCall, servers: 0, consuming: 0, hasBroken: false };
    return service;
  }

  #heed({ kind, topic, from, ids, round, servers, detail }: Notice): void {
    const service = this.#served.get(topic);
    const roster = service?.roster;
    switch (kind) {
      case "cancel":
        for (const id of ids) this.#cancelHere(id, detail ?? "its caller has given up");
        return;
      case "join":
        roster?.heard(from, servers);
        if (service !== undefined) this.#answer(from, "here", topic, { servers: service.consuming });
        return;
      case "here":
        roster?.heard(from, servers);
        this.#rounds.heard(from, topic);
        return;
      case "leave":
        roster?.left(from);
        this.#rounds.left(from, topic);
        return;
      case "gone":
        roster?.lost(from);
        this.#rounds.left(from, topic);
        return;
      case "who": {
        roster?.heard(from);
        const mine = ids.filter((id) => this.#ledger.knows(id));
        this.#answer(from, "have", topic, { round, ids: mine });
        return;
      }
      case "have":
        roster?.heard(from);
        this.#rounds.answered(from, round, ids);
    }
  }

  #cancelHere(id: string, reason: string): void {
    const delivery = this.#ledger.held(id);
    // It may be on its way still.
    if (delivery === undefined) this.#cancelled.isNew(id);
    else delivery.cancel(reason);
  }

  /** To all that serve the topic. */
  #tell(topic: string, kind: NoticeKind, more: Partial<Notice> = {}): void {
    this.#publish(this.#topicRoute(topic), this.#notice(kind, topic, more));
  }

  /** To one inbox. */
  #answer(inbox: string, kind: NoticeKind, topic: string, more: Partial<Notice> = {}): void {
    this.#publish(this.#inboxRoute(inbox), this.#notice(kind, topic, more));
  }

  #notice(kind: NoticeKind, topic: string, more: Partial<Notice>): Notice {
    return { kind, topic, from: this.#inbox.name, ids: [], round: 0, ...more };
  }

  #publish(route: Route, notice: Notice): void {
    this.#host.channels.of(route, "control").push(new NoticePublication(route, this.#host.newId(), notice));
  }

  #topicRoute(key: string): Route {
    return { exchange: CONTROL_EXCHANGE, key, queues: [], isMandatory: false, isPersistent: false, name: "notices" };
  }

  #inboxRoute(inbox: string): Route {
    return { ...this.#naming.queueRoute(inbox, false), isMandatory: false };
  }
}

function bindingOf(key: string): Binding {
  return { exchange: CONTROL_EXCHANGE, key };
}

const NO_KNOWLEDGE: Knowledge = { since: Number.POSITIVE_INFINITY, lostUntil: Number.POSITIVE_INFINITY };

/** Published and forgotten. */
class NoticePublication implements Publication {
  readonly route: Route;
  readonly id: string;
  readonly body: Buffer;
  readonly #type: string;

  constructor(route: Route, id: string, notice: Notice) {
    this.route = route;
    this.id = id;
    this.body = encodeNotice(notice);
    this.#type = typeOf(notice.kind);
  }

  properties(): Options.Publish {
    return { contentType: "application/json", contentEncoding: "utf-8", type: this.#type };
  }

  confirmed(): void {}
  returned(): void {}
  refused(): void {}
  failed(): void {}
  doubtful(): void {}
}
