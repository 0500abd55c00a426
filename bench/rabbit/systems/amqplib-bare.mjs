/** amqplib by hand without any guarantee: nothing confirmed, acknowledged, returned or stored. What is lost, nobody hears of. */
import { once } from "node:events";
import { connect as dial } from "amqplib";
import { twoQueues } from "./two-queues.mjs";

const encode = (value) => Buffer.from(JSON.stringify(value));
const decode = ({ content }) => JSON.parse(content.toString());

export async function serve(url, name, onCast) {
  const [receiving, sending] = [await dial(url, { noDelay: true }), await dial(url, { noDelay: true })];
  const [incoming, replies] = [await receiving.createChannel(), await sending.createChannel()];
  const methods = { echo: (params) => params, note: onCast };
  const queues = twoQueues(name);
  for (const queue of Object.values(queues)) await incoming.assertQueue(queue, { durable: false });
  const onMessage = (message) => {
    const { method, params } = decode(message);
    const { replyTo, correlationId } = message.properties;
    const result = methods[method](params);
    if (replyTo !== undefined) replies.publish("", replyTo, encode({ result }), { correlationId });
  };
  for (const queue of Object.values(queues)) await incoming.consume(queue, onMessage, { noAck: true });
  return {
    async close() {
      await receiving.close();
      for (const queue of Object.values(queues)) await replies.deleteQueue(queue);
      await sending.close();
    },
  };
}

export async function connect(url, name) {
  const connection = await dial(url, { noDelay: true });
  const channel = await connection.createChannel();
  const queues = twoQueues(name);
  const pending = new Map();
  let nextId = 0;
  let drained;
  const onReply = (reply) => {
    const resolve = pending.get(reply.properties.correlationId);
    pending.delete(reply.properties.correlationId);
    resolve?.(decode(reply).result);
  };
  await channel.consume("amq.rabbitmq.reply-to", onReply, { noAck: true });
  return {
    call: (params) =>
      new Promise((resolve) => {
        nextId += 1;
        const correlationId = String(nextId);
        pending.set(correlationId, resolve);
        const properties = { correlationId, replyTo: "amq.rabbitmq.reply-to" };
        channel.publish("", queues.calls, encode({ method: "echo", params }), properties);
      }),
    /** Resolves when it is in the channel's buffer; where that is full, when it was emptied. */
    async cast(params) {
      if (channel.publish("", queues.casts, encode({ method: "note", params }))) return;
      drained ??= once(channel, "drain").then(() => {
        drained = undefined;
      });
      await drained;
    },
    close: () => connection.close(),
  };
}
