import { once } from "node:events";
import { createServer, type Server, type Socket, connect as tcpConnect } from "node:net";
import { fail } from "./check.js";
import type { Endpoint } from "./harness.js";

/**
 * Stands between a driver and its broker, byte for byte, so that a case can cut what is between them and see who comes again.
 */
export class Relay {
  readonly endpoint: Endpoint;
  readonly #to: Endpoint;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #connections = 0;

  private constructor(endpoint: Endpoint, to: Endpoint, server: Server) {
    this.endpoint = endpoint;
    this.#to = to;
    this.#server = server;
    this.#accept(server);
  }

  /** A relay on a free port of this machine, in front of `to`. */
  static async open(to: Endpoint): Promise<Relay> {
    const server = await listening(0);
    const address = server.address();
    if (address === null || typeof address === "string") fail("the relay has no port");
    return new Relay({ host: "127.0.0.1", port: address.port }, to, server);
  }

  /** How many connections came through so far. */
  get connections(): number {
    return this.#connections;
  }

  /** Ends every connection at once, by a reset; new ones come through. */
  cut(): void {
    for (const socket of this.#sockets) {
      // Node does not free a socket that was already ended and is then reset.
      if (socket.writableEnded) socket.destroy();
      else socket.resetAndDestroy();
    }
    this.#sockets.clear();
  }

  /** Ends every connection, and takes no new one: whoever tries is refused. Resolves when that is so. */
  async refuse(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    this.cut();
    if (server === undefined) return;
    await new Promise((resolve) => server.close(resolve));
  }

  /** Takes connections again, at the same port. */
  async admit(): Promise<void> {
    if (this.#server !== undefined) return;
    this.#server = await listening(this.endpoint.port);
    this.#accept(this.#server);
  }

  /** Ends it, with all that goes through it. */
  close(): Promise<void> {
    return this.refuse();
  }

  #accept(server: Server): void {
    server.on("connection", (near) => {
      this.#connections++;
      const far = tcpConnect({ ...this.#to, noDelay: true });
      near.setNoDelay(true);
      this.#sockets.add(near).add(far);
      for (const [socket, other] of [
        [near, far],
        [far, near],
      ] as const) {
        socket.pipe(other);
        // A side that breaks takes the other with it; why, is the driver's business.
        socket.on("error", () => other.destroy());
        socket.on("close", (hadError) => {
          this.#sockets.delete(socket);
          if (hadError) other.destroy();
          else other.destroySoon();
        });
      }
    });
  }
}

async function listening(port: number): Promise<Server> {
  const server = createServer();
  await once(server.listen(port, "127.0.0.1"), "listening");
  return server;
}
