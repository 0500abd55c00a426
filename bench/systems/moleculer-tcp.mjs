/** Moleculer over its TCP transporter, peers named by URL (no discovery by broadcast), room for 1 MiB texts, its defaults otherwise. */
import moleculer from "moleculer";
import { freePort } from "./free-port.mjs";

const { ServiceBroker } = moleculer;

function broker(nodeID, port, urls) {
  return new ServiceBroker({
    nodeID,
    logger: false,
    transporter: { type: "TCP", options: { udpDiscovery: false, port, urls, maxPacketSize: 16 * 1024 * 1024 } },
  });
}

export async function serve() {
  const [serverPort, clientPort] = [await freePort(), await freePort()];
  const urls = [`127.0.0.1:${serverPort}/server`, `127.0.0.1:${clientPort}/client`];
  const server = broker("server", serverPort, urls);
  server.createService({
    name: "bench",
    actions: { echo: (ctx) => ctx.params },
    events: { "bench.note": () => {} },
  });
  await server.start();
  return { address: { urls, clientPort }, close: () => server.stop() };
}

export async function connect({ urls, clientPort }) {
  const client = broker("client", clientPort, urls);
  await client.start();
  await client.waitForServices("bench");
  const call = (params) => client.call("bench.echo", params);
  return {
    call,
    castWindow: async (list) => {
      for (let i = 0; i < list.length - 1; i += 1) void client.emit("bench.note", list[i]);
      await call(list.at(-1));
    },
    close: () => client.stop(),
  };
}
