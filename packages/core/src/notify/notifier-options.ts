import { InvalidArgumentError } from "../errors.js";
import { checkMembers } from "../option-checks.js";
import { requireCapability } from "../refusal.js";
import { checkObject, checkTimeout } from "../rpc/request.js";
import type { Address } from "../seam.js";
import { checkSerializer, type Serializer } from "../serializer.js";
import { checkName } from "../target.js";
import type { JsonObject } from "../value.js";
import type { ContextFilter } from "./context-filter.js";
import { checkLabel } from "./notification.js";
import type { NotifyHost } from "./ports.js";
import type { NotificationSink } from "./sink.js";
import { createLogSink, createMessagingSink, createNoopSink } from "./sinks.js";

/** Who speaks, where to, and what goes along; for `transport.notifier`. Unknown members are refused. */
export interface NotifierOptions {
  /** Who speaks, such as `compute.host1`: a name by the rule of A5. */
  readonly publisherId: string;
  /** Each event goes to every one of them, under one message id. @default ["notifications"] */
  readonly topics?: readonly string[];
  /** @default the transport's */
  readonly exchange?: string;
  /** What becomes of events: any number of sinks, `messaging`, `log` and `noop` by name. @default ["messaging"] */
  readonly sinks?: readonly (NotificationSink | "messaging" | "log" | "noop")[];
  /** Goes along with each event. @default that of the handler that emits, else empty (D1) */
  readonly context?: JsonObject;
  /**
   * What of the context may go along (C1).
   * @default `withoutSecrets`; on a driver whose manifest says `eventContext: "listed"`, the members on that driver's list
   */
  readonly contextFilter?: ContextFilter;
  /** Replaces the transport's serializer. */
  readonly serializer?: Serializer;
  /** How long an event may wait to be accepted: for a lost connection, or for room. @default the transport's sendTimeoutMs (30 000) */
  readonly timeoutMs?: number;
}

/** What {@link Notifier.with} may change. What is absent or undefined stays. */
export type NotifierChanges = Partial<Pick<NotifierOptions, "publisherId" | "topics" | "context" | "timeoutMs">>;

/** Options resolved and checked: made once, at the edge. */
export interface NotifierSettings {
  readonly publisherId: string;
  readonly topics: readonly string[];
  readonly addresses: readonly Address[];
  readonly exchange: string;
  readonly sinks: readonly NotificationSink[];
  readonly context: JsonObject | undefined;
  readonly contextFilter: ContextFilter;
  readonly serializer: Serializer;
  readonly timeoutMs: number;
}

const OPTIONS = [
  "publisherId",
  "topics",
  "exchange",
  "sinks",
  "context",
  "contextFilter",
  "serializer",
  "timeoutMs",
] as const;

/** @throws InvalidArgumentError, InvalidTargetError; NotSupportedError where a sink sends messages and `events` is not claimed. */
export function resolveNotifierOptions(host: NotifyHost, options: NotifierOptions): NotifierSettings {
  checkMembers("a notifier", options, OPTIONS);
  const sinks = checkSinks(options.sinks ?? ["messaging"]);
  if (sinks.some((sink) => sink.name === "messaging")) {
    requireCapability(host.capabilities, host.driverName, "events", "a notifier");
  }
  const contextFilter = options.contextFilter ?? host.contextFilter;
  if (typeof contextFilter !== "function")
    throw new InvalidArgumentError("contextFilter must be a function from context to context");
  const exchange = options.exchange === undefined ? host.defaultExchange : checkName("exchange", options.exchange);
  const changeable = checkChangeable(
    host,
    {
      publisherId: options.publisherId,
      topics: options.topics ?? ["notifications"],
      context: options.context,
      timeoutMs: options.timeoutMs ?? host.sendTimeoutMs,
    },
    exchange,
  );
  return {
    ...changeable,
    exchange,
    sinks,
    contextFilter,
    serializer: options.serializer === undefined ? host.serializer : checkSerializer(options.serializer),
  };
}

type Changeable = Pick<NotifierSettings, "publisherId" | "topics" | "context" | "timeoutMs">;

/**
 * What `with()` may change, checked by the rules of the beginning.
 * @throws InvalidArgumentError, InvalidTargetError
 */
export function checkChangeable(
  host: NotifyHost,
  changeable: Changeable,
  exchange: string,
): Changeable & Pick<NotifierSettings, "addresses"> {
  const { topics, context } = changeable;
  if (!Array.isArray(topics) || topics.length === 0) {
    throw new InvalidArgumentError('topics must be a list of at least one topic, such as ["notifications"]');
  }
  const checked: string[] = topics.map((topic: unknown) => checkName("topic", topic));
  const twice = checked.find((topic, index) => checked.indexOf(topic) !== index);
  if (twice !== undefined) throw new InvalidArgumentError(`topics names ${JSON.stringify(twice)} twice; keep one`);
  return {
    publisherId: checkLabel("publisherId", changeable.publisherId),
    topics: Object.freeze(checked),
    // Made once and given to the driver each time, so that it can remember what it worked out for each.
    addresses: checked.map((topic): Address => ({ realm: host.realm, exchange, topic, memo: undefined })),
    context: context === undefined ? undefined : checkObject("context", context),
    timeoutMs: checkTimeout("timeoutMs", changeable.timeoutMs),
  };
}

function checkSinks(sinks: NonNullable<NotifierOptions["sinks"]>): NotificationSink[] {
  if (!Array.isArray(sinks) || sinks.length === 0) {
    throw new InvalidArgumentError('sinks must be a list of at least one; for none, write ["noop"]');
  }
  return sinks.map((sink: unknown) => {
    if (sink === "messaging") return createMessagingSink();
    if (sink === "log") return createLogSink();
    if (sink === "noop") return createNoopSink();
    const isSink =
      typeof sink === "object" &&
      sink !== null &&
      "name" in sink &&
      "publish" in sink &&
      typeof sink.publish === "function";
    if (!isSink) {
      throw new InvalidArgumentError(
        `a sink is "messaging", "log", "noop" or an object with a name and publish(), got ${String(sink)}`,
      );
    }
    // It has just been found to have both members.
    return sink as NotificationSink;
  });
}
