import { setTimeout as pause } from "node:timers/promises";
import { MessagingError, type RpcClient, type Transport } from "@trunkline/core";
import { Announcer } from "./announcer.js";
import type { Ledger } from "./ledger.js";
import { type Outcome, Refused } from "./refused.js";
import { QUOTAS } from "./scheduler.js";
import type { Settings } from "./settings.js";
import { type CloudRequest, readTrace } from "./trace.js";

/** After so many requests the quotas are told again. */
const REFRESH_EVERY = 40;

/** How a request ended: as the trace may say, or with an error's code, which it never says. */
export type Ending = Outcome | string;

interface Finished {
  readonly request: string;
  readonly outcome: Outcome;
  /** Where the instance is now. */
  readonly server: string;
}

/** Takes requests at their times, has them placed, and waits for compute to finish them. */
class Api {
  readonly #settings: Settings;
  readonly #ledger: Ledger;
  readonly #scheduler: RpcClient;
  readonly #everybody: Readonly<Record<"scheduler" | "compute", RpcClient>>;
  readonly #announcer: Announcer;
  /** Where each instance is, and what is being done to it: one thing at a time. */
  readonly #servers: Map<string, string> = new Map();
  readonly #lastOf: Map<string, Promise<unknown>> = new Map();
  readonly #unfinished: Map<string, (finished: Finished) => void> = new Map();

  constructor(transport: Transport, settings: Settings, ledger: Ledger) {
    this.#settings = settings;
    this.#ledger = ledger;
    this.#scheduler = transport.client({ topic: settings.topics.scheduler, version: "1.0" });
    this.#everybody = {
      scheduler: transport.client({ topic: settings.topics.scheduler }),
      compute: transport.client({ topic: settings.topics.compute }),
    };
    this.#announcer = new Announcer(transport, "api", settings, ledger);
  }

  /** Compute's word that a request is over. */
  finished(finished: Finished): void {
    this.#ledger.received("cast", `compute>api finished ${finished.request}`);
    const finish = this.#unfinished.get(finished.request);
    if (finish === undefined) this.#ledger.problem(`${finished.request} was finished, and nobody waited for it`);
    else finish(finished);
  }

  /** Takes the whole trace; resolves with how each request ended. */
  async replay(): Promise<Readonly<Record<string, Ending>>> {
    const requests = await readTrace(this.#settings.trace);
    const beganAt = performance.now();
    const endings: Promise<readonly [string, Ending]>[] = [];
    const refreshes: Promise<void>[] = [];
    for (const [index, request] of requests.entries()) {
      const waitMs = request.atMs - (performance.now() - beganAt);
      if (waitMs > 0) await pause(waitMs);
      if (index % REFRESH_EVERY === 0) refreshes.push(this.#refreshQuotas(index / REFRESH_EVERY));
      endings.push(this.#inOrder(request).then((ending) => [request.id, ending] as const));
    }
    await Promise.all(refreshes);
    return Object.fromEntries(await Promise.all(endings));
  }

  /** Requests for one instance one after the other, in the trace's order. */
  #inOrder(request: CloudRequest): Promise<Ending> {
    const before = this.#lastOf.get(request.instance) ?? Promise.resolve();
    const ending = before.then(() => this.#handle(request));
    this.#lastOf.set(request.instance, ending);
    return ending;
  }

  /** Never rejects: every failure is an ending. */
  async #handle(request: CloudRequest): Promise<Ending> {
    let ending: Ending;
    try {
      await this.#announcer.tell("info", "request.start", request);
      ending = await this.#perform(request);
      await this.#announcer.tell(ending === "done" ? "info" : "error", "request.end", request, { ending });
    } catch (error) {
      ending = error instanceof MessagingError ? error.code : String(error);
      this.#ledger.problem(`${request.id}: ${error instanceof Error ? error.message : String(error)}`);
    }
    return ending;
  }

  async #perform(request: CloudRequest): Promise<Ending> {
    const { id, instance, tenant } = request;
    const over = new Promise<Finished>((resolve) => this.#unfinished.set(id, resolve));
    try {
      const params = {
        request,
        userData: "u".repeat(request.userDataBytes),
        server: this.#servers.get(instance) ?? null,
      };
      // The context goes along by itself from here: to the scheduler, to compute, and into every event. These two names are
      // OpenStack's: where the manifest says `eventContext: "listed"`, events carry no other kind.
      await this.#ledger.send("call", `api>scheduler place ${id}`, () =>
        this.#scheduler.call("place", params, { context: { request_id: id, project_name: tenant } }),
      );
      const { outcome, server } = await over;
      if (outcome === "done") {
        if (request.kind === "delete") this.#servers.delete(instance);
        else this.#servers.set(instance, server);
      }
      return outcome;
    } catch (error) {
      if (error instanceof Refused) return error.reason;
      throw error;
    } finally {
      this.#unfinished.delete(id);
    }
  }

  async #refreshQuotas(generation: number): Promise<void> {
    for (const [who, client] of Object.entries(this.#everybody)) {
      const key = `api>${who} refreshQuotas ${generation}`;
      await this.#ledger.send("fanout", key, () => client.fanout("refreshQuotas", { generation, quotas: QUOTAS }));
    }
  }
}

/** Resolves with what the conductor may ask of it: `replay`. */
export async function startApi(transport: Transport, settings: Settings, ledger: Ledger): Promise<object> {
  const api = new Api(transport, settings, ledger);
  await transport.serve(
    { topic: settings.topics.api, server: "api" },
    { finished: (finished: Finished) => api.finished(finished) },
  );
  return { replay: () => api.replay() };
}
