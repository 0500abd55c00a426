/**
 * This SDK over zmq with one of its engines: the whole path (client, payload check, deadline, acceptance, credit, dispatcher),
 * static peers over TCP, no option set but the engine.
 */
import { openTransport } from "@trunkline/core";
import { driver } from "@trunkline/zmq";
import { freePort } from "./free-port.mjs";

/** Room for the largest column's window, as an operator would set it for such a load. */
const CONCURRENCY = 1_024;

export function over(engine) {
  return {
    async serve() {
      const address = `127.0.0.1:${await freePort()}`;
      const transport = await openTransport(`zmq://?bind=${address}&engine=${engine}`, { drivers: [driver] });
      const endpoint = { echo: (params) => params, note: () => {} };
      await transport.serve({ topic: "bench", server: "one" }, endpoint, {
        concurrency: CONCURRENCY,
        credit: 4 * CONCURRENCY,
      });
      return { address, close: () => transport.close() };
    },

    async connect(address) {
      const transport = await openTransport(`zmq://${address}?engine=${engine}`, { drivers: [driver] });
      const client = transport.client({ topic: "bench" });
      await client.call("echo", {});
      return {
        call: (params) => client.call("echo", params),
        castWindow: (list) => Promise.all(list.map((params) => client.cast("note", params))),
        close: () => transport.close(),
      };
    },
  };
}
