import { InvalidArgumentError } from "../errors.js";
import { checkCount, checkFlag, checkMembers } from "../option-checks.js";
import { checkSerializer, type Serializer } from "../serializer.js";
import type { TransportCore } from "../transport-core.js";
import type { Exposure } from "./endpoint.js";
import type { ErrorClass } from "./remote-error.js";
import { checkTimeout } from "./request.js";

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

/** Options resolved and checked: made once, at the edge. */
export interface ServerSettings {
  readonly concurrency: number;
  readonly credit: number;
  readonly drainTimeoutMs: number;
  readonly exposure: Exposure;
  readonly exposeStack: boolean;
  readonly expectedErrors: readonly ErrorClass[];
  readonly serializer: Serializer | undefined;
}

const OPTIONS: readonly (keyof ServerOptions)[] = [
  "concurrency",
  "credit",
  "drainTimeoutMs",
  "exposure",
  "exposeStack",
  "expectedErrors",
  "serializer",
];

/** @throws InvalidArgumentError */
export function resolveServerOptions(core: TransportCore, options: ServerOptions): ServerSettings {
  checkMembers("a server", options, OPTIONS);
  const { exposure = "public", serializer } = options;
  const concurrency = checkCount("concurrency", options.concurrency ?? 64, 1);
  if (exposure !== "public" && exposure !== "explicit" && typeof exposure !== "function") {
    throw new InvalidArgumentError(`exposure must be "public", "explicit" or a function, got ${String(exposure)}`);
  }
  return {
    concurrency,
    credit: checkCount("credit", options.credit ?? 2 * concurrency, concurrency),
    drainTimeoutMs: checkTimeout("drainTimeoutMs", options.drainTimeoutMs ?? core.timeouts.drainTimeoutMs),
    exposure,
    exposeStack: checkFlag("exposeStack", options.exposeStack ?? true),
    expectedErrors: checkErrorClasses("expectedErrors", options.expectedErrors ?? []),
    serializer: serializer === undefined ? core.serializer : checkSerializer(serializer),
  };
}

/** @throws InvalidArgumentError unless each is a class whose instances are errors. */
export function checkErrorClasses(name: string, classes: unknown): readonly ErrorClass[] {
  const isErrorClass = (one: unknown): one is ErrorClass =>
    typeof one === "function" && (one === Error || Reflect.get(one, "prototype") instanceof Error);
  if (Array.isArray(classes) && classes.every(isErrorClass)) return classes;
  throw new InvalidArgumentError(`${name} must be a list of error classes, such as [QuotaError]`);
}
