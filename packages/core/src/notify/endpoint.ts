import { InvalidArgumentError } from "../errors.js";
import { nearestName } from "../nearest-name.js";
import { PRIORITIES, type Priority } from "../seam.js";
import { compileFilter, type EventTest, type NotificationFilter } from "./filter.js";
import type { NotificationEvent } from "./notification.js";

/**
 * What a handler returns to get the event again later (C4). Registered under one name for the process, so that two copies of
 * core mean the same by it.
 */
export const REQUEUE: unique symbol = Symbol.for("@trunkline/core.requeue");

/** Returning anything but {@link REQUEUE} acknowledges. */
// biome-ignore lint/suspicious/noConfusingVoidType: a handler without a return statement is the ordinary one
export type NotificationResult = undefined | void | typeof REQUEUE;

/** About one delivery, beside the event itself. */
export interface NotificationCall {
  readonly topic: string;
  readonly exchange: string;
  /** 1 at first; rises with each requeue. Of a batch: the highest. */
  readonly attempt: number;
  /** True where it may have been handled before. Of a batch: where any may. */
  readonly redelivered: boolean;
  /** Who sent it, for people and logs. Of a batch: of its first. */
  readonly peer: string;
  /** What travelled beside the context. Of a batch: empty. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Gets one event at a time; what it returns, or its promise resolves with, is the verdict (C4). */
export type NotificationHandler = (
  event: NotificationEvent,
  call: NotificationCall,
) => NotificationResult | Promise<NotificationResult>;

/** Gets 1 to `batch.size` events of one topic and one priority, in the order they came. */
export type BatchNotificationHandler = (
  events: readonly NotificationEvent[],
  call: NotificationCall,
) => NotificationResult | Promise<NotificationResult>;

/** Methods named by priority; a listener gets the priorities that its endpoints have methods for, and no others (C2). */
export type NotificationEndpoint = { readonly filter?: NotificationFilter } & {
  readonly [P in Priority]?: NotificationHandler;
};

/** As {@link NotificationEndpoint}, for a listener with `batch`; its filter picks from each batch. */
export type BatchNotificationEndpoint = { readonly filter?: NotificationFilter } & {
  readonly [P in Priority]?: BatchNotificationHandler;
};

/** An endpoint as it was found when the listener began. */
export interface ReadEndpoint {
  readonly fits: EventTest;
  /** Bound to their object. They take one event, or an array for a batch listener. */
  readonly handlers: ReadonlyMap<Priority, (subject: unknown, call: NotificationCall) => unknown>;
}

/** @throws InvalidArgumentError for no endpoint, one that is no object, one without a method for any priority, a bad filter. */
export function readEndpoints(endpoints: unknown): ReadEndpoint[] {
  const list: readonly unknown[] = Array.isArray(endpoints) ? endpoints : [endpoints];
  if (list.length === 0) throw new InvalidArgumentError("a notification listener needs at least one endpoint");
  return list.map((endpoint, index) =>
    readEndpoint(endpoint, list.length === 1 ? "the endpoint" : `endpoint ${index + 1}`),
  );
}

function readEndpoint(endpoint: unknown, which: string): ReadEndpoint {
  if (typeof endpoint !== "object" || endpoint === null) {
    throw new InvalidArgumentError(
      `${which} must be an object with methods such as info(event), got ${endpoint === null ? "null" : typeof endpoint}`,
    );
  }
  const methods = methodsOf(endpoint);
  const handlers = new Map<Priority, (subject: unknown, call: NotificationCall) => unknown>();
  for (const priority of PRIORITIES) {
    const method = methods.get(priority);
    if (method !== undefined)
      handlers.set(priority, (subject, call) => Reflect.apply(method, endpoint, [subject, call]));
  }
  if (handlers.size === 0) throw new InvalidArgumentError(`${which} ${noMethods([...methods.keys()])}`);
  // What it holds is checked member by member.
  const filter = "filter" in endpoint ? (endpoint.filter as NotificationFilter | undefined) : undefined;
  return { fits: compileFilter(filter), handlers };
}

/** An endpoint's own methods and those of its classes, nearest first; accessors are left alone, as they may do anything. */
function methodsOf(endpoint: object): Map<string, (...args: unknown[]) => unknown> {
  const methods = new Map<string, (...args: unknown[]) => unknown>();
  const seen = new Set<string>();
  for (let at: object | null = endpoint; at !== null && at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(at))) {
      if (seen.has(name)) continue;
      seen.add(name);
      if (typeof value === "function" && name !== "constructor") methods.set(name, value);
    }
  }
  return methods;
}

function noMethods(names: readonly string[]): string {
  const meant = names.map((name) => [name, name === "warning" ? "warn" : nearestName(name, PRIORITIES)] as const);
  const [name, priority] = meant.find(([, near]) => near !== undefined) ?? [];
  const hint = priority === undefined ? "" : `; did you mean ${priority} by ${name}?`;
  return `has no method named by a priority (${PRIORITIES.join(", ")})${hint}`;
}
