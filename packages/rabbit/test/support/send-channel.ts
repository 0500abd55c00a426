import type { Publication } from "../../src/sending/publication.js";
import type { SendChannel } from "../../src/sending/send-channel.js";

/** In the place of a channel that publishes: what was given to it, in the hand of the test. */
export class FakeSendChannel {
  readonly pushed: Publication[] = [];
  /** Written, and not confirmed. */
  readonly written: Set<Publication> = new Set();
  readonly forgotten: Publication[] = [];
  obstacle: "no-room" | "no-connection" = "no-connection";

  /** Of the channel this is all that publications use. */
  get channel(): SendChannel {
    return this as unknown as SendChannel;
  }

  push(publication: Publication): void {
    this.pushed.push(publication);
  }

  remove(publication: Publication): boolean {
    return !this.written.has(publication) && this.pushed.includes(publication);
  }

  forget(publication: Publication): boolean {
    this.forgotten.push(publication);
    return this.written.delete(publication);
  }

  /** The last that was given goes to the broker. */
  write(): void {
    const last = this.pushed.at(-1);
    if (last !== undefined) this.written.add(last);
  }
}
