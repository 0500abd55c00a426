import type { Event, Socket } from "zeromq";

/** How many events are read before the rest of the loop has its turn: a full listener makes 100 000 a second. */
const EVENTS_A_TURN = 64;

/**
 * Reads a socket's connection events until the socket is closed, which ends them by itself. (Closing the event source
 * instead would raise an error that nobody can catch.) Resolves when they have ended: libzmq has let go of the socket, which
 * may be as late as its linger time after `close`.
 * @throws the system's error where there are too few descriptors.
 */
export function watchSocketEvents(socket: Socket, onEvent: (event: Event) => void): Promise<void> {
  const source = socket.events;
  let left = EVENTS_A_TURN;
  let end = (): void => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const read = (): void => {
    if (source.closed) {
      end();
      return;
    }
    if (left === 0) {
      left = EVENTS_A_TURN;
      setImmediate(read);
      return;
    }
    left -= 1;
    source.receive().then(onRead, onEnded);
  };
  const onRead = (event: Event | undefined): void => {
    if (event === undefined || event.type === "end") {
      end();
      return;
    }
    onEvent(event);
    read();
  };
  // The source was closed together with its socket: nobody waits for more.
  const onEnded = (): void => end();
  read();
  return ended;
}
