import type { NotificationEvent, Transport } from "@trunkline/core";
import type { StepPayload } from "./announcer.js";
import type { Ledger } from "./ledger.js";
import { POOLS, type Settings } from "./settings.js";

/** How many listeners share the events of each pool. */
const MEMBERS: Readonly<Record<string, number>> = { audit: 1, metering: 2 };

/** Books every event, once for each pool. */
export async function startTelemetry(transport: Transport, { run, topics }: Settings, ledger: Ledger): Promise<void> {
  for (const pool of POOLS) {
    const book = (event: NotificationEvent): void => {
      // Every publisher of this cloud sends such a payload.
      const { key, request } = event.payload as unknown as StepPayload;
      ledger.received("event", `${key} in ${pool}`);
      // The context began at the api and came through every call and cast between (D1).
      const told = event.context["request_id"];
      if (told !== undefined ? told !== request : !key.startsWith("api ")) {
        ledger.problem(`${key} came with the context of ${String(told)}`);
      }
    };
    for (let member = 0; member < (MEMBERS[pool] ?? 1); member += 1) {
      await transport.listen(
        [{ topic: topics.notifications }],
        { audit: book, info: book, error: book },
        { pool: `${run}-${pool}` },
      );
    }
  }
}
