import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:net";

/** Below the ports that Linux (from 32768) and other systems (from 49152) give to outgoing connections. */
const LOWEST = 15_000;
const HIGHEST = 32_000;

const ATTEMPTS_PER_PORT = 50;

/**
 * Resolves with `count` different ports that nobody listened on at 127.0.0.1 just now.
 *
 * They are picked at random where the system picks none for outgoing connections. So a port stays free while its server is
 * down: a client that dials it again and again cannot be given that very port, and so answer itself.
 * @throws Error where that many cannot be found.
 */
export async function freePorts(count: number): Promise<number[]> {
  const held = new Map<number, Server>();
  try {
    for (let attempts = 0; held.size < count; attempts++) {
      if (attempts >= count * ATTEMPTS_PER_PORT) {
        throw new Error(
          `found ${held.size} of ${count} free ports between ${LOWEST} and ${HIGHEST}; close some servers`,
        );
      }
      const port = randomInt(LOWEST, HIGHEST);
      const server = held.has(port) ? undefined : await listenOn(port);
      if (server !== undefined) held.set(port, server);
    }
    return [...held.keys()];
  } finally {
    await Promise.all([...held.values()].map(released));
  }
}

async function listenOn(port: number): Promise<Server | undefined> {
  const server = createServer();
  try {
    await once(server.listen({ port, host: "127.0.0.1" }), "listening");
    return server;
  } catch {
    return undefined;
  }
}

async function released(server: Server): Promise<void> {
  const closed = once(server, "close");
  server.close();
  await closed;
}
