import { InvalidArgumentError, MessagingError, SerializationError } from "../errors.js";
import { nearestName } from "../nearest-name.js";
import { checkMembers } from "../option-checks.js";
import { requireCapability } from "../refusal.js";
import { checkObject, checkTimeout, EMPTY_CONTEXT, EMPTY_HEADERS } from "../rpc/request.js";
import { type Event, PRIORITIES, type Priority, type Receipt } from "../seam.js";
import type { JsonObject } from "../value.js";
import type { ContextFilter } from "./context-filter.js";
import { checkLabel, type NotificationEvent } from "./notification.js";
import {
  checkChangeable,
  type NotifierChanges,
  type NotifierOptions,
  type NotifierSettings,
  resolveNotifierOptions,
} from "./notifier-options.js";
import type { NotifyHost } from "./ports.js";
import { publishToAll } from "./sink.js";

/** What one emission may say for itself. */
export interface EmitOptions {
  /** Replaces the notifier's. It passes the same filter. */
  readonly context?: JsonObject;
  /** Travels beside the context: trace headers and the like. Names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** What became of an event: added up over its topics, and 0 where no sink sends messages. */
export interface Notified {
  readonly messageId: string;
  /** How many pools took it; 1 for each topic on a broker. */
  readonly accepted: number;
  /** How many were found dead. */
  readonly lost: number;
}

const EMIT_OPTIONS = ["context", "headers", "timeoutMs", "signal"] as const;
const CHANGES = ["publisherId", "topics", "context", "timeoutMs"] as const;

/**
 * Tells the world what happened, and waits for nobody's reaction (C1). Made by `transport.notifier`; holds nothing that needs closing.
 *
 * Every emission resolves when the event was accepted as the manifest's `acceptance.events` says, by each topic; to nobody is
 * accepted too (A7). It rejects, and never throws: InvalidArgumentError, SerializationError, MessageTooLargeError,
 * NotSupportedError (nothing was sent); OverloadedError, TimeoutError, ConnectionLostError, ClosedError, AbortError. Where one of
 * several topics fails, the others are sent all the same. Safe to call concurrently; later changes to a payload do not travel.
 */
export class Notifier {
  readonly #host: NotifyHost;
  readonly #settings: NotifierSettings;

  /** @internal Use `transport.notifier`. */
  constructor(host: NotifyHost, settings: NotifierSettings) {
    this.#host = host;
    this.#settings = settings;
  }

  get publisherId(): string {
    return this.#settings.publisherId;
  }

  get topics(): readonly string[] {
    return this.#settings.topics;
  }

  /** False where no emission has any effect: every sink is `noop`. Ask before building a costly payload. */
  get isEnabled(): boolean {
    return this.#settings.sinks.some((sink) => sink.name !== "noop");
  }

  audit(eventType: string, payload?: unknown, options?: EmitOptions): Promise<Notified> {
    return this.emit("audit", eventType, payload, options);
  }

  debug(eventType: string, payload?: unknown, options?: EmitOptions): Promise<Notified> {
    return this.emit("debug", eventType, payload, options);
  }

  info(eventType: string, payload?: unknown, options?: EmitOptions): Promise<Notified> {
    return this.emit("info", eventType, payload, options);
  }

  warn(eventType: string, payload?: unknown, options?: EmitOptions): Promise<Notified> {
    return this.emit("warn", eventType, payload, options);
  }

  error(eventType: string, payload?: unknown, options?: EmitOptions): Promise<Notified> {
    return this.emit("error", eventType, payload, options);
  }

  critical(eventType: string, payload?: unknown, options?: EmitOptions): Promise<Notified> {
    return this.emit("critical", eventType, payload, options);
  }

  sample(eventType: string, payload?: unknown, options?: EmitOptions): Promise<Notified> {
    return this.emit("sample", eventType, payload, options);
  }

  /** Emits an event; see the class. The payload is any value of D2, `null` where there is none. */
  async emit(priority: Priority, eventType: string, payload?: unknown, options: EmitOptions = {}): Promise<Notified> {
    // Everything up to the sinks' own waiting runs before this returns, so that what was passed is what travels (D2).
    const settings = this.#settings;
    const host = this.#host;
    host.checkOpen("emit an event");
    checkMembers("the options of an emission", options, EMIT_OPTIONS);
    checkPriority(priority);
    checkLabel("the event type", eventType);
    const timeoutMs = checkTimeout("timeoutMs", options.timeoutMs ?? settings.timeoutMs);
    const signal = options.signal === undefined ? {} : { signal: options.signal };
    const context = checkObject(
      "context",
      options.context ?? settings.context ?? host.currentContext() ?? EMPTY_CONTEXT,
    );
    const event: Event = {
      kind: "event",
      id: host.newId(),
      publisherId: settings.publisherId,
      eventType,
      priority,
      payload: this.#serialize("payload", () => settings.serializer.serializeValue(payload ?? null, context)),
      context: this.#serialize("context", () =>
        settings.serializer.serializeContext(filtered(settings.contextFilter, context)),
      ),
      headers: options.headers === undefined ? EMPTY_HEADERS : checkHeaders(options.headers),
      timestamp: new Date(host.clock.wallNow()).toISOString(),
    };
    const { accepted, lost } = await publishToAll(settings.sinks, {
      event: asNotification(event),
      topics: settings.topics,
      logger: host.logger,
      warn: (warning) => host.warn(warning),
      send: () => this.#send(event, { timeoutMs, ...signal }),
    });
    return { messageId: event.id, accepted, lost };
  }

  /** The same notifier with another publisher id, other topics, another context or timeout. Cheap: sinks are shared. */
  with(changes: NotifierChanges): Notifier {
    checkMembers("with()", changes, CHANGES);
    const { publisherId, topics, context, timeoutMs } = this.#settings;
    const current = { publisherId, topics, context, timeoutMs };
    const changed = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
    return new Notifier(this.#host, {
      ...this.#settings,
      ...checkChangeable(this.#host, { ...current, ...changed }, this.#settings.exchange),
    });
  }

  async #send(event: Event, options: { readonly timeoutMs: number; readonly signal?: AbortSignal }): Promise<Receipt> {
    requireCapability(this.#host.capabilities, this.#host.driverName, "events", "a notification");
    const sent = this.#settings.addresses.map((address) => this.#host.send(address, event, options));
    const outcomes = await Promise.allSettled(sent);
    let accepted = 0;
    let lost = 0;
    const failures: unknown[] = [];
    for (const [index, outcome] of outcomes.entries()) {
      if (outcome.status === "fulfilled") {
        accepted += outcome.value.accepted;
        lost += outcome.value.lost;
        continue;
      }
      // Only one failure can be what the caller gets.
      const message = `event ${event.eventType} was not accepted by topic "${this.#settings.topics[index]}"`;
      if (failures.push(outcome.reason) > 1) this.#host.warn({ message, error: outcome.reason });
    }
    if (failures.length > 0) throw failures[0];
    return { accepted, lost };
  }

  #serialize<Result>(what: string, fn: () => Result): Result {
    try {
      return fn();
    } catch (cause) {
      if (cause instanceof MessagingError) throw cause;
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new SerializationError(`the ${what} of the event could not be serialised: ${why}`, { cause, path: what });
    }
  }
}

/**
 * Makes a notifier over a transport. No I/O.
 * @throws InvalidArgumentError, InvalidTargetError (topics, exchange), NotSupportedError where a sink sends messages and the
 * driver does not claim `events`, ClosedError.
 */
export function createNotifier(host: NotifyHost, options: NotifierOptions): Notifier {
  host.checkOpen("make a notifier");
  const settings = resolveNotifierOptions(host, options);
  host.wantContext();
  return new Notifier(host, settings);
}

function checkPriority(priority: unknown): void {
  if (PRIORITIES.some((known) => known === priority)) return;
  const nearest = typeof priority === "string" ? nearestName(priority, PRIORITIES) : undefined;
  const help = nearest === undefined ? `they are ${PRIORITIES.join(", ")}` : `did you mean "${nearest}"?`;
  throw new InvalidArgumentError(`there is no priority ${JSON.stringify(priority)}; ${help}`);
}

function checkHeaders(headers: unknown): Readonly<Record<string, string>> {
  const checked = checkObject("headers", headers);
  for (const [name, value] of Object.entries(checked)) {
    if (name !== name.toLowerCase())
      throw new InvalidArgumentError(`header names are in lower case; write ${name.toLowerCase()}`);
    if (typeof value !== "string") throw new InvalidArgumentError(`header ${JSON.stringify(name)} must be a string`);
  }
  // Every member has just been found to be a string; copied, because it is read again while it is encoded.
  return { ...checked } as Readonly<Record<string, string>>;
}

function filtered(filter: ContextFilter, context: JsonObject): JsonObject {
  return checkObject("what contextFilter returns", filter(context));
}

function asNotification(event: Event): NotificationEvent {
  const { publisherId, eventType, priority, payload, context, timestamp } = event;
  return { publisherId, eventType, priority, payload, context, messageId: event.id, timestamp };
}
