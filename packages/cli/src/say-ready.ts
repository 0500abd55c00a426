import type { Transport } from "@trunkline/core";
import type { Ending } from "./ending.js";
import type { Terminal } from "./terminal.js";

/**
 * Says `ready` once a message sent from then on arrives (E2): at once, or after the time that the manifest gives for others to
 * learn of a newcomer. Says nothing where the command ends before.
 */
export async function sayReady(transport: Transport, terminal: Terminal, ending: Ending): Promise<void> {
  const { joinLatencyMs } = transport.capabilities;
  let timer: NodeJS.Timeout | undefined;
  const joined = new Promise<void>((resolve) => {
    if (joinLatencyMs > 0) timer = setTimeout(resolve, joinLatencyMs);
    else resolve();
  });
  await Promise.race([joined, ending.wait]);
  clearTimeout(timer);
  if (!ending.hasEnded) terminal.say("ready");
}
