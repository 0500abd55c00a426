// Over 300 lines: all that a case may use is one object, so that a case reads without looking elsewhere.
import type {
  BatchNotificationEndpoint,
  BatchOptions,
  Capabilities,
  NotificationEndpoint,
  NotificationListener,
  NotificationListenerOptions,
  Requirements,
  RpcServer,
  ServerOptions,
  Target,
  Transport,
  TransportOptions,
} from "@trunkline/core";
import { NotSupportedError } from "@trunkline/core";
import { ConformanceFailure, check, fail, show } from "./check.js";
import { Gate } from "./gate.js";
import type { BrokerControl, ConformanceHarness, Timing, TransportRequest } from "./harness.js";
import { describeFlaws, History, type Judgement, type JudgeOptions } from "./history.js";
import { expiry } from "./pace.js";
import { Relay } from "./relay.js";
import type { CaseResult } from "./report.js";
import { seededRandom } from "./seeded.js";
import type { Stranger } from "./stranger.js";
import { Worker } from "./worker-handle.js";
import { describeWrongError } from "./wrong-error.js";

/** A class of errors, for `rejects`. */
export type ErrorClass<Problem extends Error> = abstract new (...args: never[]) => Problem;

/** What one case is given, and all it may use: nothing here is shared with another case. */
export class CaseContext {
  readonly caseId: string;
  readonly claims: Capabilities;
  readonly timing: Timing;
  readonly seed: number;
  /** Uniform in [0, 1), from the case's seed. */
  readonly random: () => number;
  /** The isolated space of this case; every name below it is the case's own. */
  readonly space: string;
  readonly harness: ConformanceHarness;
  readonly notes: string[] = [];
  /** Errors that the case saw, for the review at the end of a run. */
  readonly errors: unknown[] = [];
  /** What the cases before this one came to, and the errors that they saw: for the cases that review a run. */
  prior: { readonly results: readonly CaseResult[]; readonly errors: readonly unknown[] } = { results: [], errors: [] };
  /** Set when the case has ended, whichever way: what it began and did not wait for ends then. */
  isOver = false;
  /** Set by a case that finds that it cannot prove what it should; `notes` say why. */
  isUnproven = false;
  #evidence = 0;
  #waitingFor = "its first step";
  readonly #gates: Gate[] = [];
  readonly #transports: Transport[] = [];
  readonly #workers: Worker[] = [];
  readonly #relays: Relay[] = [];
  readonly #strangers: Stranger[] = [];
  readonly #repairs: (() => Promise<void>)[] = [];
  readonly #spaces = new Map<string, Promise<void>>();
  readonly #handlerErrors: unknown[] = [];

  constructor(
    caseId: string,
    claims: Capabilities,
    harness: ConformanceHarness,
    timing: Timing,
    seed: number,
    space: string,
  ) {
    this.caseId = caseId;
    this.claims = claims;
    this.harness = harness;
    this.timing = timing;
    this.seed = seed;
    this.random = seededRandom(seed);
    this.space = space;
  }

  /** How often something was really seen: a handler that ran, a reply, an error. Zero makes the case vacuous. */
  get evidence(): number {
    return this.#evidence;
  }

  /** What the case waits for now: told when it runs out of time. */
  get waitingFor(): string {
    return this.#waitingFor;
  }

  saw(count = 1): void {
    this.#evidence += count;
  }

  note(text: string): void {
    this.notes.push(text);
  }

  /** A name that no other case, run or destination uses. */
  name(label: string): string {
    return `${label}-${Math.floor(this.random() * 36 ** 6)
      .toString(36)
      .padStart(6, "0")}`;
  }

  /** The name as it is where the harness isolates spaces, else behind a prefix of this case's own. */
  exact(name: string): string {
    return this.harness.isolatesSpaces ? name : `${this.space}${name}`;
  }

  /** Milliseconds of patience: an upper bound, scaled. */
  ms(bound: number): number {
    return bound * this.timing.scale;
  }

  /** A transport on this case's space; closed when the case ends. Deadlines are short, so that a failure is soon known. */
  async open(options: TransportOptions = {}, space: string = this.space): Promise<Transport> {
    return await this.openBy({ space, options });
  }

  /** A transport as {@link open} has it, with what else the harness offers; in this case's space unless another is named. */
  async openBy(request: Partial<TransportRequest>): Promise<Transport> {
    const transport = await this.within("openTransport", this.attempt(request));
    return this.adopt(transport);
  }

  /** As {@link openBy}, for a transport that should not come to be: the kit closes none of it, and waits for nothing. */
  async attempt(request: Partial<TransportRequest>): Promise<Transport> {
    const space = request.space ?? this.space;
    await this.#openSpace(space);
    const patience = this.ms(this.timing.waitMs);
    const deadlines = { callTimeoutMs: patience, sendTimeoutMs: patience, drainTimeoutMs: patience };
    return this.harness.createTransport({ ...request, space, options: { ...deadlines, ...request.options } });
  }

  /** A relay before the broker, or before the peers of whoever is given it, which the case may cut; closed when the case ends. */
  async relay(): Promise<Relay> {
    const { harness } = this;
    const endpoint = await harness.endpoint?.();
    if (endpoint === undefined && harness.relaysPeers !== true) fail("the harness names no endpoint to stand before");
    const relay = await Relay.open(endpoint, this.random);
    this.#relays.push(relay);
    return relay;
  }

  /** Somebody on the wire who does not keep to its rules; gone when the case ends. */
  async stranger(): Promise<Stranger> {
    await this.#openSpace(this.space);
    const made = this.harness.stranger?.(this.space);
    if (made === undefined) fail("the harness knows no stranger");
    const stranger = await this.within("a stranger to come", made);
    this.#strangers.push(stranger);
    return stranger;
  }

  /** Deletes the queues of this case's space behind the driver's back. */
  async loseQueues(): Promise<void> {
    const { harness } = this;
    if (harness.loseQueues === undefined) fail("the harness cannot delete queues");
    await this.within("the queues to be deleted", harness.loseQueues(this.space), 20_000);
  }

  /** Loses every link of this case's space for a moment. */
  async cutLinks(): Promise<void> {
    const { harness } = this;
    if (harness.cutLinks === undefined) fail("the harness cannot lose links");
    await this.within("the links to be lost", harness.cutLinks(this.space));
  }

  /** The broker's own process. What a case has killed or frozen runs again when the case ends. */
  get broker(): BrokerControl {
    const { broker } = this.harness;
    if (broker === undefined) fail("the harness gives no control of its broker");
    return {
      kill: () => {
        this.#repairs.push(() => broker.start());
        return broker.kill();
      },
      start: () => {
        this.#repairs.length = 0;
        return broker.start();
      },
      freeze: () => {
        this.#repairs.push(() => broker.thaw());
        return broker.freeze();
      },
      thaw: () => {
        this.#repairs.length = 0;
        return broker.thaw();
      },
    };
  }

  /** Has the kit close `transport` when the case ends, and keeps what its handlers threw. */
  adopt(transport: Transport): Transport {
    this.#transports.push(transport);
    transport.events.on("handlerError", (event) => {
      this.saw();
      this.#handlerErrors.push(event.error);
    });
    return transport;
  }

  /** What the `handlerError` events of the case's transports told so far. */
  get handlerErrors(): readonly unknown[] {
    return this.#handlerErrors;
  }

  /** Serves and waits out the manifest's `joinLatencyMs`, so that the next message must arrive (E2). */
  async serve(
    transport: Transport,
    target: Target,
    endpoints: object | readonly object[],
    options?: ServerOptions,
  ): Promise<RpcServer> {
    const server = await this.within(`serve ${show(target)}`, transport.serve(target, endpoints, options));
    await this.joined();
    return server;
  }

  /** Listens and waits out the manifest's `joinLatencyMs` (E2). */
  async listen(
    transport: Transport,
    topics: string | readonly Target[],
    endpoints: NotificationEndpoint | readonly NotificationEndpoint[],
    options?: NotificationListenerOptions & { readonly batch?: undefined },
  ): Promise<NotificationListener> {
    const targets = targetsOf(topics);
    const listener = await this.within(`listen on ${show(targets)}`, transport.listen(targets, endpoints, options));
    await this.joined();
    return listener;
  }

  /** As {@link listen}, for endpoints that take batches (C6). */
  async listenBatches(
    transport: Transport,
    topics: string | readonly Target[],
    endpoints: BatchNotificationEndpoint | readonly BatchNotificationEndpoint[],
    options: NotificationListenerOptions & { readonly batch: BatchOptions },
  ): Promise<NotificationListener> {
    const targets = targetsOf(topics);
    const listener = await this.within(`listen on ${show(targets)}`, transport.listen(targets, endpoints, options));
    await this.joined();
    return listener;
  }

  async joined(): Promise<void> {
    if (this.claims.joinLatencyMs > 0) await pause(this.claims.joinLatencyMs);
  }

  history(): History {
    return new History(() => this.saw());
  }

  gate(): Gate {
    const gate = new Gate();
    this.#gates.push(gate);
    return gate;
  }

  /** A child process with a transport on `space`; killed when the case ends. */
  async worker(space: string = this.space, request: Pick<TransportRequest, "heartbeatMs"> = {}): Promise<Worker> {
    await this.#openSpace(space);
    const source = this.harness.workerSource?.(space, request);
    if (source === undefined) fail("the harness gives child processes no transport");
    const worker = new Worker(source, this.ms(this.timing.waitMs));
    this.#workers.push(worker);
    await this.within("a worker process to open its transport", worker.ready);
    return worker;
  }

  /** Awaits `promise` for at most `ms` (scaled). @throws ConformanceFailure naming `what`, with what `state` says. */
  async within<Result>(
    what: string,
    promise: Promise<Result>,
    ms: number = this.timing.waitMs,
    state?: () => string,
  ): Promise<Result> {
    const before = this.#waitingFor;
    this.#waitingFor = what;
    const late = expiry(
      () => this.ms(ms),
      (bound) =>
        new ConformanceFailure(
          `${what}: not within ${Math.round(bound)} ms${state === undefined ? "" : `; ${state()}`}`,
        ),
    );
    try {
      return await Promise.race([promise, late.promise]);
    } finally {
      late.cancel();
      this.#waitingFor = before;
    }
  }

  /** Waits until `condition` holds. @throws ConformanceFailure naming `what`, with what `state` says. */
  async until(
    what: string,
    condition: () => boolean,
    state?: () => unknown,
    ms: number = this.timing.waitMs,
  ): Promise<void> {
    const began = performance.now();
    const before = this.#waitingFor;
    this.#waitingFor = what;
    while (!condition()) {
      if (performance.now() - began > this.ms(ms)) {
        fail(`${what}: not within ${Math.round(this.ms(ms))} ms${state === undefined ? "" : `; ${show(state())}`}`);
      }
      await pause(2);
    }
    this.#waitingFor = before;
  }

  /** Silence long enough to count as such; only after a fence or where the total is known. */
  async quiet(): Promise<void> {
    await pause(this.timing.quietMs);
  }

  /**
   * Waits until every accepted message was handled, or nothing happened for `idleMs`; then for silence; then judges.
   * @throws ConformanceFailure naming each message that went wrong.
   */
  async verify(history: History, options: JudgeOptions = {}): Promise<Judgement> {
    const idle = this.ms(this.timing.idleMs);
    this.#waitingFor = "the messages to be handled";
    while (!history.isComplete() && history.idleMs < idle) await pause(2);
    await this.quiet();
    const judgement = history.judge(options);
    const flaws = describeFlaws(judgement);
    if (flaws !== undefined) fail(flaws);
    check(judgement.sent > 0, "the case sent nothing");
    return judgement;
  }

  /** `promise`, which the case awaits later: should it fail before, a rejection that nobody heard is none of the test runner's business. */
  later<Result>(promise: Promise<Result>): Promise<Result> {
    promise.catch(() => {});
    return promise;
  }

  /** What `promise` rejects with. @throws ConformanceFailure when it resolves, hangs, or rejects with another class. */
  rejects<Problem extends Error>(what: string, promise: Promise<unknown>, kind: ErrorClass<Problem>): Promise<Problem> {
    return this.later(this.#rejection(what, promise, kind));
  }

  async #rejection<Problem extends Error>(
    what: string,
    promise: Promise<unknown>,
    kind: ErrorClass<Problem>,
  ): Promise<Problem> {
    let error: unknown;
    let value: unknown;
    let isResolved = false;
    const settled = promise.then(
      (result) => {
        isResolved = true;
        value = result;
      },
      (reason: unknown) => {
        error = reason;
      },
    );
    await this.within(what, settled);
    if (isResolved) fail(`${what}: expected ${kind.name}, but it resolved with ${show(value)}`);
    return this.#expected(what, error, kind);
  }

  /** What `action` throws or rejects with, whichever way it says no. */
  refuses<Problem extends Error>(what: string, action: () => unknown, kind: ErrorClass<Problem>): Promise<Problem> {
    return this.rejects(
      what,
      // A refusal may be thrown at construction or rejected by a promise; both are "at the earliest ask-point".
      (async () => await action())(),
      kind,
    );
  }

  /** That `transport.require` says no to `needs`, naming `capability` (H). */
  async refusesToRequire(needs: Requirements, capability: string): Promise<void> {
    const transport = await this.open();
    const error = await this.refuses(`require ${show(needs)}`, () => transport.require(needs), NotSupportedError);
    check(error.capability === capability, `the error names the capability ${error.capability}, not ${capability}`);
    check(
      error.driver === transport.driverName,
      `the error names the driver ${error.driver}, not ${transport.driverName}`,
    );
  }

  #openSpace(space: string): Promise<void> {
    let opened = this.#spaces.get(space);
    if (opened === undefined) {
      opened = this.harness.openSpace?.(space) ?? Promise.resolve();
      this.#spaces.set(space, opened);
    }
    return opened;
  }

  #expected<Problem extends Error>(what: string, error: unknown, kind: ErrorClass<Problem>): Problem {
    this.saw();
    this.errors.push(error);
    if (error instanceof kind) return error;
    throw new ConformanceFailure(`${what}: expected ${kind.name}, got ${describeWrongError(error, kind)}`, {
      cause: error,
    });
  }

  /** Opens the gates, ends the workers, closes the transports, drops the spaces. Returns what went wrong. */
  async cleanUp(): Promise<string[]> {
    const problems: string[] = [];
    this.isOver = true;
    for (const gate of this.#gates) gate.open();
    for (const worker of this.#workers) worker.kill();
    for (const repair of this.#repairs.splice(0)) await repair();
    await Promise.all(this.#workers.map((worker) => worker.ended));
    const closing = this.#transports.map(async (transport) => {
      try {
        await this.within("transport.close() after the case", transport.close(), this.timing.waitMs + 1_000);
      } catch (error) {
        problems.push(error instanceof Error ? error.message : show(error));
      }
    });
    await Promise.all(closing);
    for (const stranger of this.#strangers) await stranger.close();
    for (const relay of this.#relays) await relay.close();
    for (const space of this.#spaces.keys()) await this.harness.dropSpace?.(space);
    return problems;
  }
}

function targetsOf(topics: string | readonly Target[]): readonly Target[] {
  return typeof topics === "string" ? [{ topic: topics }] : topics;
}

/** A timer as a promise: for the bounds above, and never in a case to hope that something has happened. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
