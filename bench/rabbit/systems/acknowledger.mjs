/**
 * Acknowledges the messages of one channel, each once it was settled, with one frame for all that were settled in one turn of
 * the event loop. The broker counts its deliveries on a channel from 1, so what is below the lowest unsettled one can go together.
 */
export class Acknowledger {
  #channel;
  #lowest = 1;
  #settled = new Set();
  #upTo = 0;
  #isScheduled = false;

  constructor(channel) {
    this.#channel = channel;
  }

  ack({ fields: { deliveryTag } }) {
    this.#settled.add(deliveryTag);
    while (this.#settled.delete(this.#lowest)) {
      this.#upTo = this.#lowest;
      this.#lowest += 1;
    }
    if (this.#isScheduled || this.#upTo === 0) return;
    this.#isScheduled = true;
    setImmediate(() => this.#flush());
  }

  #flush() {
    this.#isScheduled = false;
    this.#channel.ack({ fields: { deliveryTag: this.#upTo } }, true);
    this.#upTo = 0;
  }
}
