import type { Channel, ConfirmChannel } from "amqplib";
import type { DialedConnection } from "./dial.js";
import { WriteBatch } from "./write-batch.js";

/** One connection while it is open. What was made on it ends with it, and is made again on the next. */
export class Session {
  /** 1 for the first of its link, then one more each time that it was made again. */
  readonly number: number;
  /** Host and port, for people. */
  readonly place: string;
  readonly #dialed: DialedConnection;
  readonly #batch: WriteBatch;
  #isOpen = true;

  constructor(number: number, place: string, dialed: DialedConnection) {
    this.number = number;
    this.place = place;
    this.#dialed = dialed;
    this.#batch = new WriteBatch(dialed.model);
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** @throws what the library throws where the connection has ended. */
  channel(): Promise<Channel> {
    return this.#dialed.model.createChannel();
  }

  /** A channel on which the broker confirms what is published. */
  confirmChannel(): Promise<ConfirmChannel> {
    return this.#dialed.model.createConfirmChannel();
  }

  /** Something is about to be written: it goes with all that is written in this turn. */
  gather(): void {
    if (this.#isOpen) this.#batch.open();
  }

  /** Its connection is gone. */
  ended(): void {
    this.#isOpen = false;
  }
}
