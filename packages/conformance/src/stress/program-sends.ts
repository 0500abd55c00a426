import { ClosedError, MessagingError, type Target, type Transport } from "@trunkline/core";
import { outcomeOf } from "../history.js";
import type { Message } from "./model.js";

/** Sends `message`, and notes in it how that ended. Never rejects. */
export async function sendMessage(
  transport: Transport,
  message: Message,
  target: Target & { readonly topic: string },
  timeoutMs: number | undefined,
): Promise<void> {
  try {
    await dispatch(transport, message, target, timeoutMs);
    message.state = "ok";
  } catch (error) {
    // A transport that closes gives up what it had sent as well (E4).
    message.state = error instanceof ClosedError ? "unknown" : outcomeOf(error);
    message.refusal = error instanceof MessagingError ? `${error.code}: ${error.message}` : String(error);
  }
}

async function dispatch(
  transport: Transport,
  message: Message,
  target: Target & { readonly topic: string },
  timeoutMs: number | undefined,
): Promise<void> {
  const { id, kind } = message;
  if (kind === "emit") {
    await transport.notifier({ publisherId: "kit", topics: [target.topic] }).info("kit.event", { id });
    return;
  }
  const client = transport.client(target);
  if (kind === "cast") return void (await client.cast("note", { id }));
  if (kind === "fanout") return void (await client.fanout("note", { id }));
  const controller = new AbortController();
  const options = { signal: controller.signal, ...(timeoutMs === undefined ? {} : { timeoutMs }) };
  const calling = client.call("echo", { id }, options);
  if (kind === "abort") setImmediate(() => controller.abort());
  const answer: unknown = await calling;
  const isObject = typeof answer === "object" && answer !== null;
  message.answer = isObject ? { by: Reflect.get(answer, "by"), id: Reflect.get(answer, "id") } : undefined;
}
