import { callScope } from "../call-scope.js";
import { InvalidArgumentError, InvalidTargetError, type MessagingError } from "../errors.js";
import { requireCapability } from "../refusal.js";
import type { Delivery, Listener, Outcome, Request } from "../seam.js";
import type { Serializer } from "../serializer.js";
import { checkTarget, type Target } from "../target.js";
import type { TransportCore } from "../transport-core.js";
import type { JsonObject, Value } from "../value.js";
import { Beats } from "./beats.js";
import { EndpointTable, type Exposure, type Handler } from "./endpoint.js";
import { refusalOutcome, serializerOutcome, untravelledOutcome } from "./outcomes.js";
import { type ErrorClass, toFailure } from "./remote-error.js";
import { checkTimeout } from "./request.js";
import { HandlerCall } from "./server-call.js";

/** How a server takes, bounds and answers requests; for `transport.serve`. Unknown members are refused. */
export interface ServerOptions {
  /** How many handlers run at once (B13): 1 or more. @default 64 */
  readonly concurrency?: number;
  /** How many requests the server has in hand, running or waiting: at least `concurrency`. @default 2 × concurrency */
  readonly credit?: number;
  /** How long `stop` waits for handlers that run, in milliseconds. @default the transport's (30 000) */
  readonly drainTimeoutMs?: number;
  /** Which methods callers may reach. @default "public" */
  readonly exposure?: Exposure;
  /** Whether callers see the stack of what a handler threw (B5). @default true */
  readonly exposeStack?: boolean;
  /** Errors that are part of the interface: they go to the caller and are not reported as failures (B5). */
  readonly expectedErrors?: readonly ErrorClass[];
  /** Replaces the transport's serializer. */
  readonly serializer?: Serializer;
}

/** A handler as it was resolved for one route; `server` tells whose, since a route may be seen by servers to come. */
interface ResolvedHandler {
  readonly server: RpcServer;
  readonly object: object;
  readonly handler: Handler | undefined;
  readonly refusal: Outcome | undefined;
}

/**
 * Answers requests on a topic, made by `transport.serve`. Single-use: once stopped, serve again (E3).
 *
 * At most `concurrency` handlers run; up to `credit` requests are in hand; more wait with their senders (B13).
 */
export class RpcServer {
  readonly #core: TransportCore;
  readonly #table: EndpointTable;
  readonly #concurrency: number;
  readonly #drainTimeoutMs: number;
  readonly #exposeStack: boolean;
  readonly #expectedErrors: readonly ErrorClass[];
  readonly #serializer: Serializer | undefined;
  readonly #waiting: Delivery[] = [];
  /** Where the next one to start stands in `#waiting`. */
  #waitingFrom = 0;
  readonly #running: Set<HandlerCall> = new Set();
  readonly #beats: Beats;
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

  private constructor(
    core: TransportCore,
    target: Target,
    endpoints: object | readonly object[],
    options: ServerOptions,
  ) {
    this.#core = core;
    this.#beats = new Beats(core.clock);
    this.target = target;
    this.#table = new EndpointTable(endpoints, options.exposure ?? "public");
    this.#concurrency = checkCount("concurrency", options.concurrency ?? 64, 1);
    this.#drainTimeoutMs = checkTimeout("drainTimeoutMs", options.drainTimeoutMs ?? core.timeouts.drainTimeoutMs);
    this.#exposeStack = options.exposeStack ?? true;
    this.#expectedErrors = options.expectedErrors ?? [];
    this.#serializer = options.serializer ?? core.serializer;
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
    const rpcServer = new RpcServer(core, target, endpoints, options);
    const credit = checkCount("credit", options.credit ?? 2 * rpcServer.#concurrency, rpcServer.#concurrency);
    const listener = await core.driver.listen(
      { kind: "rpc", address: core.address(exchange, topic, server) },
      (delivery) => rpcServer.#take(delivery),
      { credit, acknowledge: core.capabilities.redelivery ? "on-settle" : "on-take" },
    );
    rpcServer.#listener = listener;
    void listener.closed.then((reason) => {
      if (reason !== undefined) rpcServer.#resolveClosed(reason);
    });
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
    for (const delivery of this.#waiting.splice(0).slice(this.#waitingFrom)) this.#handBack(delivery);
    this.#waitingFrom = 0;
    const intake = this.#listener?.stop();
    await this.#drain();
    await intake;
    await this.#drain();
    for (const call of this.#running) call.abort("the server stopped before the handler had finished");
    this.#beats.stopAll();
    await this.#listener?.close();
    this.#resolveClosed(undefined);
  }

  /** Resolves when no handler runs, or when the drain time is over. */
  #drain(): Promise<void> {
    if (this.#running.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.#core.clock.setTimer(() => {
        this.#onIdle = undefined;
        const message = `server ${JSON.stringify(this.target.server)} left ${this.#running.size} handlers running after ${this.#drainTimeoutMs} ms`;
        this.#core.events.emit("warning", { message });
        resolve();
      }, this.#drainTimeoutMs);
      this.#onIdle = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  /** The driver's call for each delivery: runs it, or keeps it until a handler has finished. */
  #take(delivery: Delivery): void {
    if (this.#isStopped) {
      this.#handBack(delivery);
      return;
    }
    this.#beats.start(delivery);
    if (this.#running.size < this.#concurrency && this.#waiting.length === 0) this.#run(delivery);
    else this.#waiting.push(delivery);
  }

  #next(): void {
    // A handler that answers at once ends up here again while its own start is on the stack: the loop below goes on for it.
    if (this.#isStarting) return;
    this.#isStarting = true;
    while (this.#running.size < this.#concurrency) {
      const delivery = this.#waiting[this.#waitingFrom];
      if (delivery === undefined) break;
      this.#waitingFrom += 1;
      if (this.#waitingFrom === this.#waiting.length) {
        this.#waiting.length = 0;
        this.#waitingFrom = 0;
      }
      this.#run(delivery);
    }
    this.#isStarting = false;
    if (this.#running.size === 0) this.#onIdle?.();
  }

  #run(delivery: Delivery): void {
    // Core listens for rpc only, so that every delivery here is a request.
    const request = delivery.message as Request;
    if (delivery.until !== undefined && delivery.until <= this.#core.clock.now()) {
      this.#drop(delivery, "expired before dispatch");
      return;
    }
    const resolved = this.#resolve(delivery, request);
    if (resolved.handler === undefined) {
      if (delivery.take()) this.#settle(delivery, resolved.refusal ?? EMPTY_OUTCOME);
      else delivery.settle("reject");
      return;
    }
    if (!delivery.take()) {
      this.#drop(delivery, "cancelled before dispatch");
      return;
    }
    const core = this.#core;
    let context = request.context;
    let params = request.params;
    if (this.#serializer !== undefined) {
      try {
        context = this.#serializer.deserializeContext(context);
        // A deserializer's result is the handler's params, of whatever kind it makes them.
        params = this.#serializer.deserializeValue(params, context) as JsonObject;
      } catch (error) {
        this.#settle(delivery, serializerOutcome(`the params of ${request.method} could not be deserialized`, error));
        return;
      }
    }
    const call = new HandlerCall(delivery, request, context, core.clock);
    this.#running.add(call);
    let result: unknown;
    try {
      const { handler, object } = resolved;
      result =
        core.propagates && callScope.isWanted
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

  #resolve(delivery: Delivery, request: Request): ResolvedHandler {
    // `resolved` is core's own place on the route; what it holds was put there below.
    const known = delivery.route.resolved as ResolvedHandler | undefined;
    if (known !== undefined && known.server === this) return known;
    const resolution = this.#table.resolve(request.namespace, request.version, request.method);
    const resolved: ResolvedHandler =
      resolution.kind === "found"
        ? { server: this, object: resolution.object, handler: resolution.handler, refusal: undefined }
        : {
            server: this,
            object: this,
            handler: undefined,
            refusal: refusalOutcome(resolution.kind, request, this.target),
          };
    delivery.route.resolved = resolved;
    return resolved;
  }

  #succeed(delivery: Delivery, call: HandlerCall, result: unknown): void {
    let value: unknown = result;
    if (this.#serializer !== undefined && delivery.wantsReply) {
      try {
        value = this.#serializer.serializeValue(toValue(result), call.context);
      } catch (error) {
        this.#finish(delivery, call, serializerOutcome(`the result of ${call.method} could not be serialized`, error));
        return;
      }
    }
    this.#finish(delivery, call, { ok: true, value: toValue(value) });
  }

  #fail(delivery: Delivery, call: HandlerCall, error: unknown): void {
    if (!this.#expectedErrors.some((expected) => isInstance(error, expected))) {
      this.#core.reportHandlerError({ error, method: call.method, topic: this.target.topic ?? "" });
    }
    this.#finish(delivery, call, { ok: false, failure: toFailure(error, this.#exposeStack) });
  }

  #finish(delivery: Delivery, call: HandlerCall, outcome: Outcome): void {
    call.finish();
    this.#running.delete(call);
    this.#settle(delivery, outcome);
    this.#next();
  }

  /** Replies; an outcome that cannot travel is replaced by the reason (D3, D4). */
  #settle(delivery: Delivery, outcome: Outcome): void {
    this.#beats.stop(delivery);
    if (!delivery.wantsReply) {
      delivery.settle("done");
      return;
    }
    try {
      delivery.settle("done", outcome);
    } catch (error) {
      // Core listens for rpc only.
      delivery.settle("done", untravelledOutcome((delivery.message as Request).method, error));
    }
  }

  #drop(delivery: Delivery, reason: string): void {
    this.#beats.stop(delivery);
    delivery.settle("reject");
    this.#core.events.emit("dropped", { count: 1, reason, peer: delivery.peer });
  }

  #handBack(delivery: Delivery): void {
    this.#beats.stop(delivery);
    delivery.settle("hand-back");
  }
}

const EMPTY_OUTCOME: Outcome = Object.freeze({ ok: true, value: null });

/** `undefined` is `null` on the wire (D2). Whether the rest may travel is checked as it is encoded. */
function toValue(result: unknown): Value {
  return (result === undefined ? null : result) as Value;
}

function isThenable(result: unknown): result is PromiseLike<unknown> {
  return typeof result === "object" && result !== null && typeof Reflect.get(result, "then") === "function";
}

function isInstance(error: unknown, errorClass: ErrorClass): boolean {
  try {
    return error instanceof errorClass;
  } catch {
    return false; // a Proxy that will not say what it is, is no expected error
  }
}

function checkCount(name: string, count: unknown, least: number): number {
  if (typeof count === "number" && Number.isSafeInteger(count) && count >= least) return count;
  throw new InvalidArgumentError(`${name} must be a whole number of at least ${least}, got ${String(count)}`);
}
