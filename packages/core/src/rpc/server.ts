import { callScope } from "../call-scope.js";
import { InvalidTargetError, type MessagingError } from "../errors.js";
import { Beats } from "../kit/beats.js";
import { requireCapability } from "../refusal.js";
import type { Delivery, Listener, Outcome, Request } from "../seam.js";
import { checkTarget, type Target } from "../target.js";
import type { TransportCore } from "../transport-core.js";
import type { JsonObject, Value } from "../value.js";
import { DeliveryQueue } from "./delivery-queue.js";
import { EndpointTable, type Handler } from "./endpoint.js";
import { type FailedOutcome, refusalOutcome, serializerOutcome } from "./outcomes.js";
import { isOneOf, toFailure } from "./remote-error.js";
import { RunningCalls } from "./running-calls.js";
import { HandlerCall } from "./server-call.js";
import { resolveServerOptions, type ServerOptions, type ServerSettings } from "./server-options.js";
import { Verdicts } from "./verdicts.js";

/** What answers the requests of one route; `server` tells whose, since a route may be seen by servers to come. */
type Resolved =
  | FoundHandler
  | { readonly kind: "refused"; readonly server: RpcServer; readonly outcome: FailedOutcome };

interface FoundHandler {
  readonly kind: "found";
  readonly server: RpcServer;
  readonly object: object;
  readonly handler: Handler;
}

/**
 * Answers requests on a topic, made by `transport.serve`. Single-use: once stopped, serve again (E3).
 *
 * At most `concurrency` handlers run; up to `credit` requests are in hand; more wait with their senders (B13).
 */
export class RpcServer {
  readonly #core: TransportCore;
  readonly #table: EndpointTable;
  readonly #settings: ServerSettings;
  readonly #concurrency: number;
  readonly #waiting: DeliveryQueue<Delivery> = new DeliveryQueue();
  readonly #running: RunningCalls = new RunningCalls();
  readonly #beats: Beats;
  readonly #verdicts: Verdicts;
  #listener: Listener | undefined;
  #stopping: Promise<void> | undefined;
  #isStopped = false;
  #isStarting = false;
  #onIdle: (() => void) | undefined;
  #resolveClosed: (reason: MessagingError | undefined) => void = () => {};
  /** The topic and server that it answers to. */
  readonly target: Target;
  /** Resolves when the server has ended: with the error that ended it, or undefined after `stop`. Never rejects. */
  readonly closed: Promise<MessagingError | undefined>;

  private constructor(core: TransportCore, target: Target, table: EndpointTable, settings: ServerSettings) {
    this.#core = core;
    this.#beats = new Beats(core.clock);
    this.#verdicts = new Verdicts(core, this.#beats);
    this.target = target;
    this.#table = table;
    this.#settings = settings;
    this.#concurrency = settings.concurrency;
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
  }

  /** @internal Resolves when E2 holds. */
  static async start(
    core: TransportCore,
    asked: Target,
    endpoints: object | readonly object[],
    options: ServerOptions,
  ): Promise<RpcServer> {
    core.checkOpen("serve");
    requireCapability(core.capabilities, core.driverName, "rpc", "serve()");
    const target = checkTarget(asked);
    const { topic, server, exchange } = target;
    if (topic === undefined || server === undefined) {
      throw new InvalidTargetError(
        'serve needs a topic and a server name, such as { topic: "compute", server: "host1" } (A6)',
      );
    }
    if (target.fanout === true)
      throw new InvalidTargetError("a server gets every fanout of its topic; leave out `fanout`");
    if (target.namespace !== undefined || target.version !== undefined) {
      throw new InvalidTargetError("namespace and version belong to an endpoint's own `target`, not to the server's");
    }
    const settings = resolveServerOptions(core, options);
    const rpcServer = new RpcServer(core, target, new EndpointTable(endpoints, settings.exposure), settings);
    const listener = await core.driver.listen(
      { kind: "rpc", address: core.address(exchange, topic, server) },
      (delivery) => rpcServer.#take(delivery),
      {
        credit: settings.credit,
        concurrency: settings.concurrency,
        acknowledge: core.capabilities.redelivery ? "on-settle" : "on-take",
      },
    );
    rpcServer.#listener = listener;
    void listener.closed.then((reason) => rpcServer.#ended(reason));
    return rpcServer;
  }

  /**
   * Drains (E3): no new requests, what was never dispatched is handed back, handlers that run finish and reply, at the latest
   * after `drainTimeoutMs`, when their signals fire and the server leaves without them. Idempotent; one promise.
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #stop(): Promise<void> {
    this.#isStopped = true;
    // Intake ends first, so that nothing which is handed back comes here again.
    const intake = this.#end((listener) => listener.stop());
    for (const delivery of this.#waiting.takeAll()) this.#verdicts.handBack(delivery);
    await Promise.all([intake, this.#drain()]);
    this.#running.abortAll("the server stopped before the handler had finished");
    this.#beats.stopAll();
    await this.#end((listener) => listener.close());
    this.#resolveClosed(undefined);
  }

  /** The driver's listener has ended. Where nobody asked for it, somebody must hear: no consumer is silently dead (E5). */
  #ended(reason: MessagingError | undefined): void {
    if (this.#isStopped) return;
    this.#core.warn(`server ${JSON.stringify(this.target.server)} was ended by its driver`, reason);
    this.#resolveClosed(reason);
    void this.stop();
  }

  /** A listener that does not end cleanly keeps the server from nothing. */
  async #end(act: (listener: Listener) => Promise<void>): Promise<void> {
    try {
      if (this.#listener !== undefined) await act(this.#listener);
    } catch (error) {
      this.#core.warn(`server ${JSON.stringify(this.target.server)} did not end cleanly`, error);
    }
  }

  /** Resolves when no handler runs, or when the drain time is over. */
  #drain(): Promise<void> {
    if (this.#running.count === 0) return Promise.resolve();
    const { drainTimeoutMs } = this.#settings;
    return new Promise((resolve) => {
      const timer = this.#core.clock.setTimer(() => {
        this.#onIdle = undefined;
        const server = JSON.stringify(this.target.server);
        this.#core.warn(`server ${server} left ${this.#running.count} handlers running after ${drainTimeoutMs} ms`);
        resolve();
      }, drainTimeoutMs);
      this.#onIdle = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  /** The driver's call for each delivery: runs it, or keeps it until a handler has finished. */
  #take(delivery: Delivery): void {
    if (this.#isStopped) {
      this.#verdicts.handBack(delivery);
      return;
    }
    this.#beats.start(delivery);
    if (this.#running.count < this.#concurrency && this.#waiting.size === 0) this.#run(delivery);
    else this.#waiting.push(delivery);
  }

  #next(): void {
    // A handler that answers at once ends up here again while its own start is on the stack: the loop below goes on for it.
    if (this.#isStarting) return;
    this.#isStarting = true;
    while (this.#running.count < this.#concurrency) {
      const delivery = this.#waiting.shift();
      if (delivery === undefined) break;
      this.#run(delivery);
    }
    this.#isStarting = false;
    if (this.#running.count === 0) this.#onIdle?.();
  }

  #run(delivery: Delivery): void {
    // Core listens for rpc only, so that every delivery here is a request.
    const request = delivery.message as Request;
    if (delivery.until !== undefined && delivery.until <= this.#core.clock.now()) {
      this.#verdicts.drop(delivery, "expired before dispatch");
      return;
    }
    const resolved = this.#resolve(delivery, request);
    if (!delivery.take()) {
      this.#verdicts.drop(delivery, "cancelled before dispatch");
      return;
    }
    if (resolved.kind === "refused") {
      this.#verdicts.refuse(delivery, resolved.outcome);
      return;
    }
    const { serializer } = this.#settings;
    let context = request.context;
    let params = request.params;
    if (serializer !== undefined) {
      try {
        context = serializer.deserializeContext(context);
        // A deserializer's result is the handler's params, of whatever kind it makes them.
        params = serializer.deserializeValue(params, context) as JsonObject;
      } catch (error) {
        this.#verdicts.refuse(
          delivery,
          serializerOutcome(`the params of ${request.method} could not be deserialized`, error),
        );
        return;
      }
    }
    this.#dispatch(delivery, new HandlerCall(delivery, request, context, this.#core.clock), resolved, params);
  }

  #dispatch(delivery: Delivery, call: HandlerCall, { object, handler }: FoundHandler, params: JsonObject): void {
    this.#running.add(call);
    const { context } = call;
    let result: unknown;
    try {
      result =
        this.#core.propagates && callScope.isWanted
          ? callScope.run({ context, until: delivery.until }, () => handler.call(object, params, call))
          : handler.call(object, params, call);
      if (isThenable(result)) {
        result.then(
          (value) => this.#succeed(delivery, call, value),
          (error) => this.#fail(delivery, call, error),
        );
        return;
      }
    } catch (error) {
      this.#fail(delivery, call, error);
      return;
    }
    this.#succeed(delivery, call, result);
  }

  #resolve(delivery: Delivery, request: Request): Resolved {
    // `resolved` is core's own place on the route; what it holds was put there below.
    const known = delivery.route.resolved as Resolved | undefined;
    if (known !== undefined && known.server === this) return known;
    const found = this.#table.resolve(request.namespace, request.version, request.method);
    const resolved: Resolved =
      found.kind === "found"
        ? { kind: "found", server: this, object: found.object, handler: found.handler }
        : { kind: "refused", server: this, outcome: refusalOutcome(found, request, this.target) };
    delivery.route.resolved = resolved;
    return resolved;
  }

  #succeed(delivery: Delivery, call: HandlerCall, result: unknown): void {
    if (!call.finish()) return;
    const { serializer } = this.#settings;
    let value: unknown = result;
    if (serializer !== undefined && delivery.wantsReply) {
      try {
        value = serializer.serializeValue(toValue(result), call.context);
      } catch (error) {
        this.#finish(delivery, call, serializerOutcome(`the result of ${call.method} could not be serialized`, error));
        return;
      }
    }
    this.#finish(delivery, call, { ok: true, value: toValue(value) });
  }

  #fail(delivery: Delivery, call: HandlerCall, error: unknown): void {
    if (!call.finish()) return;
    const { expectedErrors, exposeStack } = this.#settings;
    if (!isOneOf(error, expectedErrors)) {
      this.#core.reportHandlerError({ error, method: call.method, topic: this.target.topic ?? "" });
    }
    this.#finish(delivery, call, { ok: false, failure: toFailure(error, exposeStack) });
  }

  #finish(delivery: Delivery, call: HandlerCall, outcome: Outcome): void {
    this.#running.remove(call);
    this.#verdicts.settle(delivery, outcome);
    this.#next();
  }
}

/** `undefined` is `null` on the wire (D2). Whether the rest may travel is checked as it is encoded. */
function toValue(result: unknown): Value {
  return (result === undefined ? null : result) as Value;
}

function isThenable(result: unknown): result is PromiseLike<unknown> {
  return typeof result === "object" && result !== null && typeof Reflect.get(result, "then") === "function";
}
