import { openTransport, type Transport } from "@trunkline/core";
import { startApi } from "./api.js";
import { startCompute } from "./compute.js";
import { Control } from "./control.js";
import { Ledger } from "./ledger.js";
import { Refused } from "./refused.js";
import { startScheduler } from "./scheduler.js";
import type { RoleName, Settings } from "./settings.js";
import { startTelemetry } from "./telemetry.js";

export interface Started {
  readonly transport: Transport;
  /** Drains and ends all of the role. */
  stop(): Promise<void>;
}

/** Starts one role on a transport of its own. Resolves when it can be reached. */
export async function startRole(role: RoleName, settings: Settings): Promise<Started> {
  const transport = await openTransport(settings.url, {
    errors: [Refused],
    // Nothing is under way when a run has gone well; of one that has not, nobody waits for the rest.
    drainTimeoutMs: 5_000,
  });
  try {
    const ledger = new Ledger(role);
    watch(transport, ledger);
    const own = await startOwn(role, transport, settings, ledger);
    await transport.serve({ topic: settings.topics.control, server: role }, [new Control(ledger), ...own]);
    return { transport, stop: () => transport.close() };
  } catch (error) {
    await transport.close();
    throw error;
  }
}

/** Resolves with what the role answers to the conductor, beside its account. */
async function startOwn(
  role: RoleName,
  transport: Transport,
  settings: Settings,
  ledger: Ledger,
): Promise<readonly object[]> {
  if (role === "api") return [await startApi(transport, settings, ledger)];
  if (role === "telemetry") await startTelemetry(transport, settings, ledger);
  else if (role.startsWith("scheduler")) await startScheduler(transport, role, settings, ledger);
  else await startCompute(transport, role, settings, ledger);
  return [];
}

/** A loss that the backend reports is one of the ledger's problems, whatever the counts say. */
function watch(transport: Transport, ledger: Ledger): void {
  transport.events.on("castsLost", ({ count, peer }) => ledger.problem(`${count} lost with ${peer}`));
  transport.events.on("handlerError", ({ error, topic, method, eventType }) =>
    ledger.problem(`${topic} ${method ?? eventType}: ${error instanceof Error ? error.message : String(error)}`),
  );
}
