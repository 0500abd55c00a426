import type { MessagingError } from "@trunkline/core/driver";
import type { Options } from "amqplib";
import type { Publication } from "../sending/publication.js";
import { Repeats } from "../sending/repeats.js";
import type { Route } from "../topology/declarations.js";
import type { Message } from "../wire/wire.js";
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
  readonly #message: Message;
  readonly #host: ListenerHost;
  readonly #repeats: Repeats;
  #resolve: (fate: HandBackFate) => void = () => {};

  constructor({ source, raw, id }: ArrivedRequest, host: ListenerHost) {
    this.#host = host;
    this.#repeats = new Repeats(host.clock, () => host.random());
    this.route = host.naming.queueRoute(source.queue.name, source.kind !== "call");
    this.#message = host.wire.handedBack(this.route, raw, id);
    this.id = id;
    this.body = this.#message.body;
  }

  /** Resolves once; it may take as long as its queue is full. */
  send(): Promise<HandBackFate> {
    return new Promise((resolve) => {
      this.#resolve = resolve;
      this.#push();
    });
  }

  properties(): Options.Publish {
    return this.#message.properties();
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
