import type { Priority } from "../seam.js";
import type { JsonObject } from "../value.js";
import { type NotificationCall, REQUEUE, type ReadEndpoint } from "./endpoint.js";
import type { NotificationEvent } from "./notification.js";
import type { NotifyHost } from "./ports.js";

/** What the endpoints together want done with an event or a batch (C4). */
export type Wish = "done" | "requeue" | "failed";

const NO_CONTEXT: JsonObject = Object.freeze({});

/** From events to endpoint methods: every endpoint that fits sees an event, one after the other, whatever the others do. */
export class NotificationDispatcher {
  readonly #host: Pick<NotifyHost, "reportFailure" | "runInContext">;
  readonly #endpoints: readonly ReadEndpoint[];

  constructor(host: Pick<NotifyHost, "reportFailure" | "runInContext">, endpoints: readonly ReadEndpoint[]) {
    this.#host = host;
    this.#endpoints = endpoints;
  }

  /**
   * One event. Never rejects: what a handler throws is reported.
   * @returns `requeue` where any asked for it, else `failed` where any threw, else `done` (an event that none wants, too: C5).
   */
  async dispatch(event: NotificationEvent, call: NotificationCall): Promise<Wish> {
    const wishes = new Set<Wish>();
    for (const { fits, handlers } of this.#endpoints) {
      const handler = handlers.get(event.priority);
      if (handler === undefined || !fits(event)) continue;
      wishes.add(await this.#run(() => handler(event, call), event.context, call, event.eventType));
    }
    return strongest(wishes);
  }

  /** As {@link dispatch}, for events of one priority: each endpoint gets those that its filter picks, if any. */
  async dispatchBatch(priority: Priority, events: readonly NotificationEvent[], call: NotificationCall): Promise<Wish> {
    const wishes = new Set<Wish>();
    for (const { fits, handlers } of this.#endpoints) {
      const handler = handlers.get(priority);
      const wanted = handler === undefined ? [] : events.filter(fits);
      if (handler === undefined || wanted.length === 0) continue;
      // A batch may come of several contexts, so that its handler's own calls inherit none of them.
      wishes.add(await this.#run(() => handler(wanted, call), NO_CONTEXT, call, commonType(wanted)));
    }
    return strongest(wishes);
  }

  async #run(
    run: () => unknown,
    context: JsonObject,
    call: NotificationCall,
    eventType: string | undefined,
  ): Promise<Wish> {
    try {
      const result = await this.#host.runInContext(context, undefined, async () => await run());
      return result === REQUEUE ? "requeue" : "done";
    } catch (error) {
      this.#host.reportFailure({ error, topic: call.topic, ...(eventType === undefined ? {} : { eventType }) });
      return "failed";
    }
  }
}

function strongest(wishes: ReadonlySet<Wish>): Wish {
  if (wishes.has("requeue")) return "requeue";
  return wishes.has("failed") ? "failed" : "done";
}

/** The type of all the events, where it is one. */
export function commonType(events: readonly NotificationEvent[]): string | undefined {
  const first = events[0]?.eventType;
  return events.every((event) => event.eventType === first) ? first : undefined;
}
