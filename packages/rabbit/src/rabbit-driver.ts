// Long because here the parts of a driver are put together, and nothing else is done.
import { hostname } from "node:os";
import {
  type Address,
  type CallHandle,
  type CallOptions,
  type Capabilities,
  ClosedError,
  ConnectionLostError,
  type Delivery,
  type Driver,
  type DriverEvents,
  type DriverHost,
  type DriverStats,
  type Event,
  type Listener,
  type ListenOptions,
  MessagingError,
  NotSupportedError,
  type Receipt,
  type ReplySink,
  type Request,
  type SendOptions,
  SerializationError,
  type Subscription,
  TypedEmitter,
} from "@trunkline/core/driver";
import type { ConsumeMessage } from "amqplib";
import { listenFailure } from "./connection/broker-error.js";
import type { DialSettings, TlsSettings } from "./connection/dial.js";
import { HostOrder } from "./connection/host-order.js";
import { Link } from "./connection/link.js";
import { LoopWatch } from "./connection/loop-watch.js";
import { ControlBus } from "./control/control-bus.js";
import { isNotice } from "./control/notices.js";
import { DriverReport } from "./driver-report.js";
import { OSLO_EVENT_CONTEXT } from "./options/event-context.js";
import { paceOf } from "./options/pace.js";
import type { Settings } from "./options/settings.js";
import { Answers } from "./receiving/answers.js";
import { unreadable } from "./receiving/arrival.js";
import type { AttemptBook } from "./receiving/attempt-book.js";
import { Inbox } from "./receiving/inbox.js";
import { Ledger } from "./receiving/ledger.js";
import type { ListenerHost } from "./receiving/listener-host.js";
import { Listeners } from "./receiving/listeners.js";
import type { RpcDelivery } from "./receiving/rpc-delivery.js";
import { Calls } from "./sending/calls.js";
import { PendingCall } from "./sending/pending-call.js";
import { PendingSend, type SendKind } from "./sending/pending-send.js";
import { Repeats } from "./sending/repeats.js";
import { SendBudget } from "./sending/send-budget.js";
import { SendChannels } from "./sending/send-channels.js";
import { Declarer } from "./topology/declare.js";
import { NameRegistry } from "./topology/name-registry.js";
import type { Naming } from "./topology/naming.js";
import { OsloNaming } from "./topology/oslo-naming.js";
import { RabbitNaming } from "./topology/rabbit-naming.js";
import { RouteBook } from "./topology/route-book.js";
import { hexId } from "./wire/ids.js";
import { OsloWire } from "./wire/oslo-wire.js";
import { PackedWire } from "./wire/packed/packed-wire.js";
import type { ReadReply, Wire } from "./wire/wire.js";

/** The package's name, for errors and the factory. */
export const DRIVER_NAME = "@trunkline/rabbit";

/** How long a connection may take to be made, and how long the last replies of a closing transport may take. */
const DIAL_TIMEOUT_MS = 10_000;
const FLUSH_MS = 5_000;

export interface RabbitDriverParts {
  readonly settings: Settings;
  readonly capabilities: Capabilities;
  readonly tls: TlsSettings | undefined;
  readonly host: DriverHost;
  readonly connectTimeoutMs: number;
  /** Of the process. */
  readonly attempts: AttemptBook;
}

/** One open transport: a connection that sends and, once something is received, one that receives. */
export class RabbitDriver implements Driver {
  readonly capabilities: Capabilities;
  readonly events: TypedEmitter<DriverEvents>;
  declare readonly eventContextKeys?: readonly string[];
  readonly #host: DriverHost;
  readonly #connectTimeoutMs: number;
  readonly #wire: Wire;
  readonly #naming: Naming;
  readonly #routes: RouteBook;
  readonly #sendLink: Link;
  readonly #receiveLink: Link;
  readonly #watch: LoopWatch;
  readonly #channels: SendChannels;
  readonly #budget: SendBudget;
  readonly #calls: Calls;
  readonly #inbox: Inbox;
  readonly #answers: Answers;
  readonly #ledger: Ledger<RpcDelivery>;
  readonly #control: ControlBus | undefined;
  readonly #listeners: Listeners;
  readonly #report: DriverReport;
  #closing: Promise<void> | undefined;

  constructor({ settings, capabilities, tls, host, connectTimeoutMs, attempts }: RabbitDriverParts) {
    const { clock } = host;
    const instance = hexId(host.newId());
    const random = (): number => host.random();
    const pace = paceOf(settings.reconnection, random);
    this.capabilities = capabilities;
    if (settings.naming === "oslo") this.eventContextKeys = OSLO_EVENT_CONTEXT;
    this.events = new TypedEmitter(host.logger);
    const report = new DriverReport(this.events);
    this.#report = report;
    const warn = (message: string, error?: unknown): void => report.warn(message, error);
    this.#host = host;
    this.#connectTimeoutMs = connectTimeoutMs;
    this.#wire = wireOf(settings, host);

    const { hosts, vhost, login, heartbeatMs, failover, queueMessages, queueMiB } = settings;
    const dial: DialSettings = { vhost, login, heartbeatMs, dialTimeoutMs: DIAL_TIMEOUT_MS, tls };
    const name = `trunkline:${hostname()}:${process.pid}:${instance.slice(0, 8)}`;
    const link = (role: string): Link =>
      new Link({
        role,
        name,
        dial,
        hosts: new HostOrder(hosts, failover, random),
        pace,
        clock,
        onChange: (changed, detail, error) => this.#linkChanged(changed, detail, error),
      });
    this.#sendLink = link("send");
    this.#receiveLink = link("receive");
    this.#watch = new LoopWatch(clock, heartbeatMs, warn);

    const rabbitNaming = settings.naming === "rabbit" ? new RabbitNaming(settings.topology) : undefined;
    this.#naming =
      settings.naming === "rabbit"
        ? new RabbitNaming(settings.topology)
        : new OsloNaming(settings.topology, new NameRegistry(DRIVER_NAME));
    this.#routes = new RouteBook(this.#naming);
    const declarer = new Declarer((argument) => this.#naming.optionOf(argument));
    this.#channels = new SendChannels(this.#sendLink, {
      declarer,
      clock,
      pace,
      warn,
      idleMs: settings.idleChannelMs,
    });
    this.#budget = new SendBudget({ messages: queueMessages, bytes: queueMiB * 1024 * 1024 });
    this.#calls = new Calls({
      canReply: () => this.#inbox.isUp,
      wantReplies: () => this.#wantReplies(),
      dropped: (counter, reason) => report.dropped(counter, reason),
    });
    this.#inbox = new Inbox({
      link: this.#receiveLink,
      queue: this.#naming.inbox(instance),
      declarer,
      clock,
      pace,
      startWithinMs: connectTimeoutMs,
      onMessage: (message) => this.#received(message),
      onUp: (place, downMs) => {
        this.#calls.resume();
        this.#control?.resumed(place, downMs);
      },
      warn,
    });
    this.#answers = new Answers({
      clock,
      channels: this.#channels,
      wire: this.#wire,
      replyRetryMs: settings.replyRetryMs,
      route: (queue, isMandatory) => ({
        ...this.#naming.queueRoute(queue, settings.naming === "oslo"),
        isMandatory: isMandatory && (settings.naming === "rabbit" || settings.hasMandatoryReplies),
      }),
      undelivered: (queue) => report.dropped("repliesLost", "a reply whose reply queue is not there", queue),
    });
    this.#ledger = new Ledger(clock);
    const listenerHost: ListenerHost = {
      link: this.#receiveLink,
      clock,
      pace,
      declarer,
      naming: this.#naming,
      channels: this.#channels,
      answers: this.#answers,
      wire: this.#wire,
      clockToleranceMs: settings.clockToleranceMs,
      startWithinMs: connectTimeoutMs,
      consumerTimeoutMs: settings.consumerTimeoutMs,
      random,
      newId: () => host.newId(),
      dropped: (counter, reason, peer) => report.dropped(counter, reason, peer),
      castsLost: (count, peer) => report.castsLost(count, peer),
      warn,
    };
    this.#control =
      rabbitNaming === undefined
        ? undefined
        : new ControlBus({
            naming: rabbitNaming,
            inbox: this.#inbox,
            ledger: this.#ledger,
            host: listenerHost,
          });
    this.#listeners = new Listeners({
      host: listenerHost,
      driverName: DRIVER_NAME,
      settings,
      ledger: this.#ledger,
      control: this.#control,
      attempts,
    });
  }

  /** Resolves when the broker answers (E1). @throws ConnectError, AuthError, AbortError; nothing is left then. */
  async open(signal: AbortSignal | undefined): Promise<void> {
    try {
      await this.#sendLink.ready(this.#connectTimeoutMs, signal);
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  send(to: Address, message: Request | Event, options: SendOptions): Promise<Receipt> {
    return new Promise((resolve, reject) => {
      this.#checkOpen("send");
      const kind: SendKind = message.kind === "event" ? "event" : to.fanout === true ? "fanout" : "cast";
      const routes = this.#routes.of(to);
      const outgoing =
        message.kind === "event"
          ? this.#wire.event(routes.event(message.priority), message)
          : this.#wire.cast(routes.cast, message);
      const send = new PendingSend({
        kind,
        message: outgoing,
        channel: () => this.#channels.of(outgoing.route, "requests"),
        budget: this.#budget,
        repeats: this.#repeats(),
        resolve,
        reject,
        warn: (text) => this.#report.warn(text),
      });
      send.start();
      options.onCancel(send);
    });
  }

  call(to: Address, request: Request, sink: ReplySink, options: CallOptions): CallHandle {
    try {
      this.#checkOpen("call");
      if (options.stream !== undefined) {
        throw new NotSupportedError("the rabbit driver does not claim streaming", "streaming", DRIVER_NAME);
      }
      const { monitorMs, until } = options;
      const callId = this.#wire.newCallId();
      const terms = { callId, replyQueue: this.#inbox.name, monitorMs, until };
      const outgoing = this.#wire.call(this.#routes.of(to).call, request, terms);
      const call = new PendingCall({
        message: outgoing,
        sink,
        channel: () => this.#channels.of(outgoing.route, "requests"),
        budget: this.#budget,
        repeats: this.#repeats(),
        onEnd: () => this.#calls.ended(callId, call),
        onCancel: (_call, reason) => this.#control?.cancel(to, outgoing.id, reason),
      });
      this.#calls.add(callId, call);
      return call;
    } catch (error) {
      return refusedCall(error, sink);
    }
  }

  async listen(what: Subscription, deliver: (delivery: Delivery) => void, options: ListenOptions): Promise<Listener> {
    this.#checkOpen("listen");
    return this.#listeners.start(what, deliver, options);
  }

  stats(): DriverStats {
    return {
      counters: this.#report.counters,
      gauges: {
        "send.messages": this.#budget.messages,
        "send.bytes": this.#budget.bytes,
        "send.waiting": this.#channels.waiting,
        "send.unconfirmed": this.#channels.unconfirmed,
        "send.channels": this.#channels.count,
        "calls.unanswered": this.#calls.count,
        "replies.unconfirmed": this.#answers.count,
        "server.listeners": this.#listeners.count,
        "server.inHand": this.#listeners.inHand,
        "server.questions": this.#control?.questions ?? 0,
      },
      links: [this.#sendLink, this.#receiveLink].map((link) => ({
        role: link.role,
        state: link.state,
        host: link.session?.place ?? "",
        sessions: link.sessions,
        isBlocked: link.blockedReason !== undefined,
      })),
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const closed = new ClosedError("the transport was closed before this was done");
    this.#calls.refuse(closed);
    // A listener that is to start may wait for it.
    this.#inbox.giveUp();
    await this.#listeners.close();
    await this.#flushed();
    this.#calls.closeAll(new ConnectionLostError("the transport was closed before the reply had come", true));
    this.#control?.close();
    if (this.#inbox.isUsed) await this.#inbox.close();
    this.#channels.close(closed);
    this.#answers.close();
    this.#watch.close();
    await Promise.all([this.#receiveLink.close(), this.#sendLink.close()]);
    this.#report.closed();
  }

  /** Replies and notices, which nobody in this process waits for, are with the broker; it is not waited for without end. */
  async #flushed(): Promise<void> {
    const work = Promise.all([this.#channels.flushed("replies"), this.#channels.flushed("control")]);
    await new Promise<void>((resolve) => {
      const timer = this.#host.clock.setTimer(resolve, FLUSH_MS);
      void work.finally(() => {
        timer.cancel();
        resolve();
      });
    });
  }

  #repeats(): Repeats {
    return new Repeats(this.#host.clock, () => this.#host.random());
  }

  /** Replies cannot come before the inbox is there; where that cannot be, whoever waits for it is told. */
  #wantReplies(): void {
    this.#inbox.start().catch((error: unknown) => {
      this.#calls.refuse(listenFailure("replies", error));
    });
  }

  #received(message: ConsumeMessage): void {
    const { properties } = message;
    if (this.#control !== undefined && isNotice(properties.type)) {
      this.#control.received(message);
      return;
    }
    let replies: readonly ReadReply[];
    try {
      replies = this.#wire.readReplies(message);
    } catch (error) {
      this.#report.dropped("malformed", `a reply that cannot be read: ${unreadable(error)}`);
      return;
    }
    for (const reply of replies) this.#calls.received(reply);
  }

  #linkChanged(link: Link, detail: string, error: MessagingError | undefined): void {
    if (this.#closing !== undefined) return;
    this.#report.linkChanged(link, [this.#sendLink, this.#receiveLink], detail, error);
  }

  #checkOpen(what: string): void {
    if (this.#closing !== undefined) {
      throw new ClosedError(`cannot ${what}: the transport is closed; open a new one`);
    }
  }
}

function wireOf(settings: Settings, host: DriverHost): Wire {
  const { maxMessageBytes, compresses, clockToleranceMs, naming } = settings;
  const limits = { maxMessageBytes, driver: DRIVER_NAME };
  const parts = { clock: host.clock, compresses, limits, clockToleranceMs, newId: () => host.newId() };
  return naming === "rabbit" ? new PackedWire(parts) : new OsloWire(parts);
}

/** A call that is over before it began: its sink hears so once `call` has returned. */
function refusedCall(error: unknown, sink: ReplySink): CallHandle {
  let isCancelled = false;
  const told =
    error instanceof MessagingError
      ? error
      : new SerializationError("the message could not be encoded", { cause: error });
  queueMicrotask(() => {
    if (!isCancelled) sink.lost(told, false);
  });
  return {
    cancel: () => {
      isCancelled = true;
      return "no-connection";
    },
    credit: () => {},
  };
}
