/** Many transports in one process: each serves `fleet` under a name of its own, and listens to events in one of the pools. */
import { openTransport } from "@trunkline/core";
import { driver } from "@trunkline/zmq";
import { answer, config } from "./answers.mjs";

const { url, names, pools } = config;
const heard = [];

async function open(name, index) {
  const transport = await openTransport(url, { drivers: [driver] });
  await transport.serve({ topic: "fleet", server: name }, [
    {
      who: () => name,
      tell: ({ id }) => void heard.push({ kind: "fanout", id, name }),
    },
  ]);
  const pool = pools[index % pools.length];
  await transport.listen(
    [{ topic: "events" }],
    [{ info: ({ payload }) => void heard.push({ kind: pool, ...payload }) }],
    {
      pool,
    },
  );
  return transport;
}

const transports = await Promise.all(names.map(open));
answer({
  heard: () => heard.splice(0),
  close: () => Promise.all(transports.map((transport) => transport.close())),
});
