import { openTransport, type Transport } from "@trunkline/core";
import type { Surroundings } from "./surroundings.js";

export interface Opening {
  /** Milliseconds to keep trying a backend that is down. @default 10_000 */
  readonly connectTimeoutMs?: number;
}

/** The longest time to wait for a backend that is down (clause I). */
const CONNECT_TIMEOUT_MS = 10_000;

/** A transport for as long as `use` takes. What it has to tell, such as a lost connection, goes to the person. */
export async function withTransport<Result>(
  url: string,
  surroundings: Surroundings,
  opening: Opening,
  use: (transport: Transport) => Promise<Result>,
): Promise<Result> {
  const transport = await openTransport(url, {
    connectTimeoutMs: Math.min(CONNECT_TIMEOUT_MS, opening.connectTimeoutMs ?? CONNECT_TIMEOUT_MS),
    signal: surroundings.interrupted,
  });
  try {
    reportEvents(transport, surroundings);
    return await use(transport);
  } finally {
    await transport.close();
  }
}

function reportEvents(transport: Transport, { terminal }: Surroundings): void {
  const say = (text: string): void => terminal.say(terminal.paint(text, "yellow"));
  transport.events.on("status", ({ state, detail }) => {
    if (state === "degraded") say(`degraded: ${detail}`);
  });
  transport.events.on("warning", ({ message }) => say(`warning: ${message}`));
  transport.events.on("dropped", ({ count, reason }) => say(`dropped ${count}: ${reason}`));
  transport.events.on("castsLost", ({ count, peer }) => say(`lost ${count} that ${peer} had accepted`));
  transport.events.on("handlerError", ({ error, topic, method, eventType }) => {
    const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    say(`${topic}: ${method ?? eventType} failed: ${reason}`);
  });
}
