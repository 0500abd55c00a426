import {
  type NotificationCall,
  type NotificationEndpoint,
  type NotificationEvent,
  type NotificationResult,
  PRIORITIES,
  type Priority,
} from "@trunkline/core";
import { until } from "@trunkline/core/testing";
import { WITHIN } from "./python-side.js";

/** An event as our endpoint saw it. */
export interface Seen {
  readonly event: NotificationEvent;
  readonly call: NotificationCall;
}

/** An endpoint for some priorities that writes down what it sees, and answers what it is told to. */
export class RecordingListener {
  readonly endpoint: NotificationEndpoint;
  readonly seen: Seen[] = [];

  constructor(
    verdict: (seen: Seen) => NotificationResult | Promise<NotificationResult> = () => undefined,
    priorities: readonly Priority[] = PRIORITIES,
  ) {
    const take = (
      event: NotificationEvent,
      call: NotificationCall,
    ): NotificationResult | Promise<NotificationResult> => {
      const seen = { event, call };
      this.seen.push(seen);
      return verdict(seen);
    };
    this.endpoint = Object.fromEntries(priorities.map((priority) => [priority, take]));
  }

  get payloads(): readonly unknown[] {
    return this.seen.map(({ event }) => event.payload);
  }

  /** Resolves with what it saw once it is so much. */
  async sees(count: number): Promise<readonly Seen[]> {
    return await until(() => this.seen.length >= count && this.seen, {
      ...WITHIN,
      what: `our listener to see ${count} events`,
    });
  }
}
