/** rabbitmq-client as its README shows it: RPCClient and Publisher with confirms, a Consumer for each queue. */
import { once } from "node:events";
import { Connection } from "rabbitmq-client";
import { twoQueues } from "./two-queues.mjs";

const open = (url) => new Connection({ url, noDelay: true });

export async function serve(url, name, onCast) {
  const rabbit = open(url);
  const queues = twoQueues(name);
  const consumers = [
    rabbit.createConsumer({ queue: queues.calls }, async (request, reply) => {
      await reply(request.body);
    }),
    rabbit.createConsumer({ queue: queues.casts, queueOptions: { durable: true } }, async (message) => {
      onCast(message.body);
    }),
  ];
  await Promise.all(consumers.map((consumer) => once(consumer, "ready")));
  return {
    async close() {
      await Promise.all(consumers.map((consumer) => consumer.close()));
      for (const queue of Object.values(queues)) await rabbit.queueDelete({ queue });
      await rabbit.close();
    },
  };
}

export async function connect(url, name) {
  const rabbit = open(url);
  const queues = twoQueues(name);
  const calls = rabbit.createRPCClient({ confirm: true });
  const casts = rabbit.createPublisher({ confirm: true, maxAttempts: 2 });
  return {
    call: async (params) => (await calls.send(queues.calls, params)).body,
    cast: (params) => casts.send(queues.casts, params),
    async close() {
      await Promise.all([calls.close(), casts.close()]);
      await rabbit.close();
    },
  };
}
