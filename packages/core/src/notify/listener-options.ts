import { InvalidArgumentError, InvalidTargetError } from "../errors.js";
import { checkCount, checkMembers } from "../option-checks.js";
import { requireCapability } from "../refusal.js";
import { checkTimeout } from "../rpc/request.js";
import type { Address } from "../seam.js";
import { checkSerializer, type Serializer } from "../serializer.js";
import { checkName, checkTarget, type Target } from "../target.js";
import type { BatchOptions } from "./batch.js";
import type { NotifyHost } from "./ports.js";

/** How events are shared, gathered, retried and bounded; for `transport.listen`. Unknown members are refused. */
export interface NotificationListenerOptions {
  /** Listeners of one pool share the events; each pool gets every event (C3). Without one, they share the pool that has no name. */
  readonly pool?: string;
  /** Gathers events; endpoint methods then take arrays (C6). @default events come one by one */
  readonly batch?: BatchOptions;
  /** What becomes of an event whose handler throws: dropped (dead-lettered where the backend can), or given again (C4). @default "reject" */
  readonly onError?: "reject" | "requeue";
  /** How often an event is handled at most, requeues included; after the last it is rejected and reported. @default 5 */
  readonly maxAttempts?: number;
  /** How long a requeued event waits, in milliseconds, 0 or more. @default 1000 */
  readonly requeueDelayMs?: number;
  /** How many events, or batches, are handled at once: 1 or more. @default 64 */
  readonly concurrency?: number;
  /** How many events of each target are in hand, handled or waiting (B13): at least `batch.size`. @default 2 × concurrency, or batch.size */
  readonly credit?: number;
  /** How long `stop` waits for handlers that run, in milliseconds. @default the transport's (30 000) */
  readonly drainTimeoutMs?: number;
  /** Replaces the transport's serializer. */
  readonly serializer?: Serializer;
}

/** Options resolved and checked: made once, at the edge. */
export interface ListenerSettings {
  readonly addresses: readonly Address[];
  readonly pool: string | undefined;
  readonly batch: { readonly size: number; readonly timeoutMs: number } | undefined;
  readonly onError: "reject" | "requeue";
  readonly maxAttempts: number;
  readonly requeueDelayMs: number;
  readonly concurrency: number;
  readonly credit: number;
  readonly drainTimeoutMs: number;
  readonly serializer: Serializer;
}

const OPTIONS = [
  "pool",
  "batch",
  "onError",
  "maxAttempts",
  "requeueDelayMs",
  "concurrency",
  "credit",
  "drainTimeoutMs",
  "serializer",
] as const;

/** @throws InvalidArgumentError, InvalidTargetError; NotSupportedError for what the manifest does not claim. */
export function resolveListenerOptions(
  host: NotifyHost,
  targets: readonly Target[],
  options: NotificationListenerOptions,
): ListenerSettings {
  checkMembers("a notification listener", options, OPTIONS);
  const { pool, batch, onError = "reject" } = options;
  const need = (key: "events" | "pools" | "batches" | "requeue", what: string): void => {
    requireCapability(host.capabilities, host.driverName, key, what);
  };
  need("events", "a notification listener");
  if (pool !== undefined) need("pools", "a listener with a pool");
  if (batch !== undefined) need("batches", "a listener with batches");
  if (onError !== "reject" && onError !== "requeue") {
    throw new InvalidArgumentError(`onError must be "reject" or "requeue", got ${JSON.stringify(onError)}`);
  }
  if (onError === "requeue") need("requeue", 'a listener with onError: "requeue"');
  if (batch !== undefined) checkMembers("batch", batch, ["size", "timeoutMs"]);
  const size = batch === undefined ? undefined : checkCount("batch.size", batch.size, 1);
  const concurrency = checkCount("concurrency", options.concurrency ?? 64, 1);
  return {
    addresses: readTargets(host, targets),
    pool: pool === undefined ? undefined : checkName("pool", pool),
    batch:
      size === undefined ? undefined : { size, timeoutMs: checkTimeout("batch.timeoutMs", batch?.timeoutMs ?? 1_000) },
    onError,
    maxAttempts: checkCount("maxAttempts", options.maxAttempts ?? 5, 1),
    requeueDelayMs: checkDelay("requeueDelayMs", options.requeueDelayMs ?? 1_000),
    concurrency,
    credit: checkCount("credit", options.credit ?? size ?? 2 * concurrency, size ?? 1),
    drainTimeoutMs: checkTimeout("drainTimeoutMs", options.drainTimeoutMs ?? host.drainTimeoutMs),
    serializer: options.serializer === undefined ? host.serializer : checkSerializer(options.serializer),
  };
}

function readTargets(host: NotifyHost, targets: unknown): Address[] {
  if (!Array.isArray(targets) || targets.length === 0) {
    throw new InvalidTargetError('listen needs a list of at least one target, such as [{ topic: "notifications" }]');
  }
  const addresses = targets.map((asked: Target): Address => {
    const target = checkTarget(asked);
    const { topic, exchange } = target;
    if (topic === undefined)
      throw new InvalidTargetError('a notification target needs a topic, such as { topic: "notifications" }');
    const strange = (["server", "namespace", "version", "fanout"] as const).find(
      (field) => target[field] !== undefined,
    );
    if (strange !== undefined)
      throw new InvalidTargetError(
        `a notification target has no ${strange}: events go to pools; use the option "pool"`,
      );
    return { realm: host.realm, exchange: exchange ?? host.defaultExchange, topic, memo: undefined };
  });
  for (const [index, { exchange, topic }] of addresses.entries()) {
    const isTwice = addresses.findIndex((other) => other.exchange === exchange && other.topic === topic) !== index;
    if (isTwice) throw new InvalidTargetError(`topic ${JSON.stringify(topic)} is listed twice; keep one`);
  }
  return addresses;
}

function checkDelay(name: string, delayMs: unknown): number {
  return delayMs === 0 ? 0 : checkTimeout(name, delayMs);
}
