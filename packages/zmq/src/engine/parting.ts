import type { Dealer } from "zeromq";
import { END_MARK } from "./end-mark.js";

/**
 * The end of a dialled link in good order: the other side is told, and the socket is closed once it has answered the same, is
 * gone, or the time is over. So all that was sent has been read.
 *
 * It is not left to the socket's own linger time: libzmq 4.3.5 aborts the process (`!_io_error`) where a closed socket that
 * lingers is sent something, and its peer vanishes before the next heartbeat. Whoever makes this reads the socket meanwhile.
 */
export class Parting {
  readonly socket: Dealer;
  readonly #timer: NodeJS.Timeout;
  readonly #onEnd: () => void;

  constructor(socket: Dealer, lingerMs: number, onEnd: () => void) {
    this.socket = socket;
    this.#onEnd = onEnd;
    this.#timer = setTimeout(() => this.end(), Math.max(0, lingerMs));
    // For a listener whose libzmq does not tell who leaves, too. If it cannot be sent, silence will tell.
    socket.send(END_MARK).catch(() => undefined);
  }

  /** Closes the socket. Idempotent. */
  end(): void {
    if (this.socket.closed) return;
    clearTimeout(this.#timer);
    this.socket.close();
    this.#onEnd();
  }
}
