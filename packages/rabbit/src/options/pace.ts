import { backoffDelayMs, resolveBackoff } from "@trunkline/core/driver";
import type { ReconnectPace } from "../connection/link.js";
import type { Reconnection } from "./settings.js";

/** How long to wait before the attempt that follows so many failed rounds; 0: after a connection that was open. */
export function paceOf(reconnection: Reconnection, random: () => number): ReconnectPace {
  if (reconnection.kind === "jitter") {
    const { baseDelayMs, maxDelayMs } = reconnection;
    const backoff = resolveBackoff({ baseDelayMs, maxDelayMs, random });
    return { delayMs: (round) => backoffDelayMs(round, backoff) };
  }
  const { firstDelayMs, splayMs, baseDelayMs, stepMs, maxDelayMs } = reconnection;
  return {
    delayMs: (round) =>
      round === 0
        ? firstDelayMs + random() * splayMs
        : Math.min(maxDelayMs, baseDelayMs + (round - 1) * stepMs) + random() * splayMs,
  };
}
