import type { RpcClient, Transport } from "@trunkline/core";
import { Announcer } from "./announcer.js";
import type { Ledger } from "./ledger.js";
import { fitsAnyHost, homeOf, neighbourOf } from "./placement.js";
import { Refused } from "./refused.js";
import type { RoleName, Settings } from "./settings.js";
import type { CloudRequest } from "./trace.js";

/** How many vcpus one request of a tenant's may ask for; of a tenant not listed, {@link DEFAULT_QUOTA}. */
export const QUOTAS: Readonly<Record<string, number>> = { operations: 1_000 };
const DEFAULT_QUOTA = 32;

interface PlaceParams {
  readonly request: CloudRequest;
  readonly userData: string;
  /** Where the instance is; null where the api knows of none. */
  readonly server: string | null;
}

/** Says where a request is done, and has it done there. */
class Scheduler {
  readonly #hosts: number;
  readonly #ledger: Ledger;
  readonly #compute: RpcClient;
  readonly #announcer: Announcer;
  #quotas = QUOTAS;

  constructor(transport: Transport, role: RoleName, settings: Settings, ledger: Ledger) {
    this.#hosts = settings.hosts;
    this.#ledger = ledger;
    this.#compute = transport.client({ topic: settings.topics.compute });
    this.#announcer = new Announcer(transport, role, settings, ledger, "scheduler");
  }

  /** Resolves when the compute service has taken the request. */
  async place({ request, userData, server }: PlaceParams): Promise<string> {
    const { id, kind, tenant, vcpus } = request;
    this.#ledger.received("call", `api>scheduler place ${id}`);
    if (vcpus > (this.#quotas[tenant] ?? DEFAULT_QUOTA)) throw new Refused("QuotaExceeded");
    if (!fitsAnyHost(request)) throw new Refused("NoValidHost");
    const now = server ?? homeOf(request, this.#hosts);
    const chosen = kind === "migrate" ? neighbourOf(now, this.#hosts) : now;
    await this.#announcer.tell("audit", "scheduler.select", request, { chosen });
    await this.#ledger.send("cast", `scheduler>${chosen} ${kind} ${id}`, () =>
      this.#compute
        .to({ server: chosen })
        .cast(kind, { request, userData, ...(kind === "migrate" ? { from: now } : {}) }),
    );
    return chosen;
  }

  refreshQuotas(
    { generation, quotas }: { generation: number; quotas: Readonly<Record<string, number>> },
    role: RoleName,
  ): void {
    this.#ledger.received("fanout", `api>scheduler refreshQuotas ${generation} at ${role}`);
    this.#quotas = quotas;
  }
}

export async function startScheduler(
  transport: Transport,
  role: RoleName,
  settings: Settings,
  ledger: Ledger,
): Promise<void> {
  const scheduler = new Scheduler(transport, role, settings, ledger);
  const endpoint = {
    target: { version: "1.2" },
    place: (params: PlaceParams) => scheduler.place(params),
    refreshQuotas: (params: Parameters<Scheduler["refreshQuotas"]>[0]) => scheduler.refreshQuotas(params, role),
  };
  await transport.serve({ topic: settings.topics.scheduler, server: role }, endpoint, { expectedErrors: [Refused] });
}
