import type { MessagingError } from "@trunkline/core/driver";
import type { Options } from "amqplib";
import type { Publication } from "../sending/publication.js";
import { Repeats } from "../sending/repeats.js";
import type { Route } from "../topology/declarations.js";
import { remainingMs } from "../wire/deadline.js";
import { decodeHeaders, ID, SENT_AT, TIMEOUT } from "../wire/headers.js";
import type { ArrivedRequest } from "./arrival.js";
import type { ListenerHost } from "./listener-host.js";

/**
 * What became of a message that was given back. `taken`: its queue has it. `unroutable`: its queue is gone. `kept`: it was not
 * written, and is still the broker's. `doubtful`: it was written, and the connection ended.
 */
export type HandBackFate = "taken" | "unroutable" | "kept" | "doubtful";

/** A request on its way back to the queue that it came from: body, id and deadline as they were. */
export class HandBack implements Publication {
  readonly route: Route;
  readonly id: string;
  readonly body: Buffer;
  readonly #arrived: ArrivedRequest;
  readonly #host: ListenerHost;
  readonly #repeats: Repeats;
  #resolve: (fate: HandBackFate) => void = () => {};

  constructor(arrived: ArrivedRequest, host: ListenerHost) {
    const { source, raw } = arrived;
    this.#arrived = arrived;
    this.#host = host;
    this.#repeats = new Repeats(host.clock, () => host.random());
    this.route = host.naming.queueRoute(source.queue.name, source.kind !== "call");
    this.id = arrived.id;
    this.body = raw.content;
  }

  /** Resolves once; it may take as long as its queue is full. */
  send(): Promise<HandBackFate> {
    return new Promise((resolve) => {
      this.#resolve = resolve;
      this.#push();
    });
  }

  /** It was never begun: from now on it counts as sent now. */
  properties(): Options.Publish {
    const { contentType, contentEncoding, headers, priority, expiration } = this.#arrived.raw.properties;
    const { timeoutMs, sentAtMs } = decodeHeaders(headers);
    const { clock, clockToleranceMs } = this.#host;
    const wallNow = Math.floor(clock.wallNow());
    const leftMs = remainingMs({ timeoutMs, sentAtMs, expiration }, wallNow, clockToleranceMs);
    const fresh = { ...headers, [ID]: this.id, [SENT_AT]: wallNow };
    const rest = { contentType, contentEncoding, priority };
    if (leftMs === undefined) return { ...rest, headers: fresh };
    const left = Math.max(0, Math.floor(leftMs));
    return {
      ...rest,
      headers: { ...fresh, [TIMEOUT]: left },
      ...(expiration === undefined ? {} : { expiration: left }),
    };
  }

  confirmed(): void {
    this.#resolve("taken");
  }

  returned(): void {
    this.#resolve("unroutable");
  }

  refused(): void {
    this.#repeats.after(() => this.#push());
  }

  failed(_error: MessagingError): void {
    this.#resolve("kept");
  }

  doubtful(_error: MessagingError): void {
    this.#resolve("doubtful");
  }

  #push(): void {
    this.#host.channels.of(this.route, "requests").push(this);
  }
}
