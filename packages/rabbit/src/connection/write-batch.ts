import type { ChannelModel } from "amqplib";

/** What of a socket is used to gather what is written to it. */
interface Corkable {
  cork(): void;
  uncork(): void;
}

/**
 * Gathers the frames of one turn of the event loop into one write to the socket: the library writes each by itself, and a third of
 * all time would go there.
 *
 * The library hands its frames to the socket in an immediate of the turn in which they were made; what is opened in that turn is
 * closed one immediate later.
 */
export class WriteBatch {
  readonly #socket: Corkable | undefined;
  #isOpen = false;
  readonly #close = (): void => {
    this.#isOpen = false;
    this.#socket?.uncork();
  };
  readonly #afterFrames = (): void => {
    setImmediate(this.#close);
  };

  constructor(model: ChannelModel) {
    this.#socket = socketOf(model);
  }

  /** Something is about to be written. */
  open(): void {
    if (this.#isOpen || this.#socket === undefined) return;
    this.#isOpen = true;
    this.#socket.cork();
    setImmediate(this.#afterFrames);
  }
}

/** The library has the socket under this name, and does not say so in its types; without it nothing is gathered. */
function socketOf(model: ChannelModel): Corkable | undefined {
  const stream: unknown = Reflect.get(model.connection, "stream");
  return isCorkable(stream) ? stream : undefined;
}

function isCorkable(stream: unknown): stream is Corkable {
  if (typeof stream !== "object" || stream === null) return false;
  return typeof Reflect.get(stream, "cork") === "function" && typeof Reflect.get(stream, "uncork") === "function";
}
