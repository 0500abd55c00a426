/**
 * zeromq.js as one would write it: DEALER and ROUTER, one JSON message a send, a Map of pending calls.
 * A window of casts ends with one acknowledged message, so that "accepted by the other process" is true of it too.
 */
import * as zmq from "zeromq";

export async function serve() {
  const router = new zmq.Router({ sendTimeout: 0, linger: 0, sendHighWaterMark: 0, receiveHighWaterMark: 0 });
  await router.bind("tcp://127.0.0.1:*");
  const loop = async () => {
    for await (const [peer, body] of router) {
      const message = JSON.parse(body.toString());
      if (message.id !== undefined) router.send([peer, JSON.stringify({ id: message.id, result: message.params })]);
    }
  };
  void loop();
  return { address: router.lastEndpoint, close: () => router.close() };
}

export async function connect(address) {
  const dealer = new zmq.Dealer({ sendTimeout: 0, linger: 0, sendHighWaterMark: 0, receiveHighWaterMark: 0 });
  dealer.connect(address);
  const pending = new Map();
  let nextId = 0;
  const loop = async () => {
    for await (const [body] of dealer) {
      const message = JSON.parse(body.toString());
      const resolve = pending.get(message.id);
      pending.delete(message.id);
      resolve(message.result);
    }
  };
  void loop();
  const call = (params) =>
    new Promise((resolve) => {
      nextId += 1;
      pending.set(nextId, resolve);
      dealer.send(JSON.stringify({ id: nextId, method: "echo", params }));
    });
  return {
    call,
    castWindow: (list) => {
      for (let i = 0; i < list.length - 1; i += 1) dealer.send(JSON.stringify({ method: "note", params: list[i] }));
      return call(list.at(-1));
    },
    close: () => dealer.close(),
  };
}
