import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { ZmtpOutbox } from "../../src/engine/zmtp-outbox.js";
import { until } from "../support/until.js";

const sockets: Socket[] = [];
const servers: Server[] = [];

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

/** Two ends of one connection, of which neither reads yet. */
async function pair(): Promise<readonly [near: Socket, far: Socket]> {
  const server = createServer({ pauseOnConnect: true }).listen(0, "127.0.0.1");
  servers.push(server);
  await once(server, "listening");
  const address = server.address();
  const near = connect({ port: typeof address === "object" && address !== null ? address.port : 0, noDelay: true });
  const [[far]] = (await Promise.all([once(server, "connection"), once(near, "connect")])) as [[Socket], unknown];
  sockets.push(near, far);
  return [near, far];
}

test("commands for one who does not read are few, however small: each costs more memory than its bytes", async () => {
  const [near, far] = await pair();
  const outbox = new ZmtpOutbox(() => {});
  outbox.attach(near);
  const pong = Buffer.alloc(1_024, 4);
  for (let refused = 0; refused < 20; ) {
    let taken = 0;
    while (outbox.transmit(pong)) taken++;
    refused = taken === 0 ? refused + 1 : 0;
    await turn();
  }
  expect(near.writableLength).toBeGreaterThan(0);
  expect(near.writableLength).toBeLessThanOrEqual(256 * pong.length);
  expect(outbox.canTransmit).toBe(false);
  far.resume();
  await until(() => outbox.canTransmit, "there is room again");
  expect(outbox.transmit(pong)).toBe(true);
});
