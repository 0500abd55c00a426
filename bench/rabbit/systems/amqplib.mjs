/**
 * amqplib by hand, with the guarantees of `rabbit://` switched on: confirms both ways, mandatory, calls that expire, a request
 * acknowledged once its reply was confirmed, casts persistent in a quorum queue and acknowledged once handled, and nothing that
 * may have run is run again.
 */
import { connect as dial } from "amqplib";
import { Acknowledger } from "./acknowledger.mjs";
import { twoQueues } from "./two-queues.mjs";

const PREFETCH = 128;
const CALL_TIMEOUT_MS = 60_000;
const SEND_TIMEOUT_MS = 30_000;
const JSON_TYPE = "application/json";
/** As `rabbit://` bounds its queues: what would be too much is refused, and its sender told. */
const BOUND = { "x-max-length": 100_000, "x-overflow": "reject-publish" };

const encode = (value) => Buffer.from(JSON.stringify(value));

function decode({ content, properties }) {
  if (properties.contentType !== JSON_TYPE) throw new Error(`a message of type ${properties.contentType}`);
  return JSON.parse(content.toString());
}

/** A server has one connection to receive on and one to send on: a broker that slows publishers does not slow what arrives. */
export async function serve(url, name, onCast) {
  const [receiving, sending] = [await dial(url, { noDelay: true }), await dial(url, { noDelay: true })];
  const [calls, casts] = [await receiving.createChannel(), await receiving.createChannel()];
  const replies = await sending.createConfirmChannel();
  replies.on("return", () => {}); // the caller is gone; the confirm comes all the same, and the request is acknowledged
  const methods = { echo: (params) => params, note: onCast };

  const answerOf = (request) => {
    if (request.fields.redelivered) return { lost: "it may have run" };
    const { method, params } = decode(request);
    return { result: methods[method](params) };
  };
  const callAcks = new Acknowledger(calls);
  const onRequest = (request) => {
    const { replyTo, correlationId } = request.properties;
    const properties = { correlationId, contentType: JSON_TYPE, mandatory: true };
    replies.publish("", replyTo, encode(answerOf(request)), properties, (refused) => {
      if (refused) throw refused; // nothing here could make the broker take it
      callAcks.ack(request);
    });
  };
  const castAcks = new Acknowledger(casts);
  const onNote = (message) => {
    if (!message.fields.redelivered) {
      const { method, params } = decode(message);
      methods[method](params);
    }
    castAcks.ack(message);
  };

  const queues = twoQueues(name);
  await calls.assertQueue(queues.calls, { durable: true, arguments: BOUND });
  await casts.assertQueue(queues.casts, { durable: true, arguments: { ...BOUND, "x-queue-type": "quorum" } });
  await calls.prefetch(PREFETCH);
  await calls.consume(queues.calls, onRequest);
  await casts.prefetch(PREFETCH);
  await casts.consume(queues.casts, onNote);
  return {
    async close() {
      await receiving.close();
      for (const queue of Object.values(queues)) await replies.deleteQueue(queue);
      await sending.close();
    },
  };
}

/** Direct reply-to binds its consumer to the channel that publishes, so a client has one connection for both. */
export async function connect(url, name) {
  const connection = await dial(url, { noDelay: true });
  const channel = await connection.createConfirmChannel();
  const queues = twoQueues(name);
  const pending = new Map();
  let nextId = 0;

  const settle = (id, error, result) => {
    const waiting = pending.get(id);
    if (waiting === undefined) return;
    pending.delete(id);
    clearTimeout(waiting.timer);
    if (error === undefined) waiting.resolve(result);
    else waiting.reject(error);
  };
  /** Settled by its reply, or where `isCast` by the broker's confirm. */
  const send = (queue, body, timeoutMs, properties, isCast) =>
    new Promise((resolve, reject) => {
      nextId += 1;
      const correlationId = String(nextId);
      const timer = setTimeout(() => settle(correlationId, new Error(`nothing within ${timeoutMs} ms`)), timeoutMs);
      pending.set(correlationId, { resolve, reject, timer });
      const all = { ...properties, correlationId, contentType: JSON_TYPE, mandatory: true };
      channel.publish("", queue, encode(body), all, (refused) => {
        if (refused || isCast) settle(correlationId, refused ?? undefined);
      });
    });

  channel.on("return", ({ properties }) => settle(properties.correlationId, new Error("nobody listens")));
  const onReply = (reply) => {
    const { result, lost } = decode(reply);
    settle(reply.properties.correlationId, lost === undefined ? undefined : new Error(lost), result);
  };
  await channel.consume("amq.rabbitmq.reply-to", onReply, { noAck: true });
  const asCall = { replyTo: "amq.rabbitmq.reply-to", expiration: String(CALL_TIMEOUT_MS) };
  const asCast = { persistent: true };
  return {
    call: (params) => send(queues.calls, { method: "echo", params }, CALL_TIMEOUT_MS, asCall, false),
    cast: (params) => send(queues.casts, { method: "note", params }, SEND_TIMEOUT_MS, asCast, true),
    close: () => connection.close(),
  };
}
