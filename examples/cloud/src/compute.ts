import { setTimeout as pause } from "node:timers/promises";
import type { RpcClient, Transport } from "@trunkline/core";
import { Announcer } from "./announcer.js";
import type { Ledger } from "./ledger.js";
import { type Outcome, Refused } from "./refused.js";
import { BACKENDS, type RoleName, type Settings } from "./settings.js";
import { type CloudRequest, KINDS, type RequestKind } from "./trace.js";

interface Work {
  readonly request: CloudRequest;
  readonly userData: string;
  /** Of a migration: where the instance is. */
  readonly from?: string;
}

interface Instance {
  readonly vcpus: number;
  readonly ramMiB: number;
}

/** What the work of a request takes, in milliseconds: longer for larger instances. */
const workMs = ({ vcpus, diskGiB }: CloudRequest): number => 1 + vcpus / 4 + diskGiB / 40;

/** One backend of one host, such as `host7@ceph`: it has the instances. */
class Compute {
  readonly #server: string;
  readonly #ledger: Ledger;
  readonly #api: RpcClient;
  readonly #others: RpcClient;
  readonly #announcer: Announcer;
  readonly #instances: Map<string, Instance> = new Map();
  readonly #steps: Readonly<Record<RequestKind, (work: Work) => void | Promise<void>>> = {
    boot: ({ request }) => {
      if (request.image === "corrupt") throw new Refused("ImageCorrupt");
      this.#instances.set(request.instance, request);
    },
    resize: ({ request }) => {
      this.#check(request);
      this.#instances.set(request.instance, request);
    },
    migrate: (work) => this.#migrate(work),
    delete: ({ request }) => {
      this.#check(request);
      this.#instances.delete(request.instance);
    },
  };

  constructor(transport: Transport, server: string, settings: Settings, ledger: Ledger) {
    this.#server = server;
    this.#ledger = ledger;
    this.#api = transport.client({ topic: settings.topics.api, server: "api" });
    this.#others = transport.client({ topic: settings.topics.compute });
    this.#announcer = new Announcer(transport, server, settings, ledger);
  }

  /** Does what was asked, tells everybody, and tells the api. */
  async perform(kind: RequestKind, work: Work): Promise<void> {
    const { request, userData } = work;
    this.#ledger.received("cast", `scheduler>${this.#server} ${kind} ${request.id}`);
    if (userData.length !== request.userDataBytes)
      this.#ledger.problem(`${request.id} came with ${userData.length} bytes`);
    await this.#announcer.tell("info", `instance.${kind}.start`, request);
    const outcome = await this.#attempt(kind, work);
    const [priority, step] = outcome === "done" ? (["info", "end"] as const) : (["error", "error"] as const);
    await this.#announcer.tell(priority, `instance.${kind}.${step}`, request, { outcome });
    await this.#ledger.send("cast", `compute>api finished ${request.id}`, () =>
      this.#api.cast("finished", { request: request.id, outcome, server: this.#server }),
    );
  }

  /** Gives an instance away to the server that it migrates to. */
  handOver({ instance, request }: { instance: string; request: string }): Instance {
    this.#ledger.received("call", `compute>${this.#server} handOver ${request}`);
    const found = this.#instances.get(instance);
    if (found === undefined) throw new Refused("InstanceNotFound");
    this.#instances.delete(instance);
    return found;
  }

  refreshQuotas({ generation }: { generation: number }): void {
    this.#ledger.received("fanout", `api>compute refreshQuotas ${generation} at ${this.#server}`);
  }

  async #attempt(kind: RequestKind, work: Work): Promise<Outcome> {
    await pause(workMs(work.request));
    try {
      await this.#steps[kind](work);
      return "done";
    } catch (error) {
      if (error instanceof Refused) return error.reason;
      throw error;
    }
  }

  async #migrate({ request, from = "" }: Work): Promise<void> {
    const { id, instance } = request;
    const moved = await this.#ledger.send("call", `compute>${from} handOver ${id}`, () =>
      this.#others.to({ server: from }).call<Instance>("handOver", { instance, request: id }),
    );
    this.#instances.set(instance, moved);
  }

  #check({ instance }: CloudRequest): void {
    if (!this.#instances.has(instance)) throw new Refused("InstanceNotFound");
  }
}

/** Serves both backends of one host. */
export async function startCompute(
  transport: Transport,
  host: RoleName,
  settings: Settings,
  ledger: Ledger,
): Promise<void> {
  for (const backend of BACKENDS) {
    const server = `${host}@${backend}`;
    const compute = new Compute(transport, server, settings, ledger);
    const endpoint = {
      ...Object.fromEntries(KINDS.map((kind) => [kind, (work: Work) => compute.perform(kind, work)])),
      handOver: (params: Parameters<Compute["handOver"]>[0]) => compute.handOver(params),
      refreshQuotas: (params: Parameters<Compute["refreshQuotas"]>[0]) => compute.refreshQuotas(params),
    };
    await transport.serve({ topic: settings.topics.compute, server }, endpoint, { expectedErrors: [Refused] });
  }
}
