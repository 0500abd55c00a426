import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import type { ConformanceHarness, Endpoint, TransportRequest } from "@trunkline/conformance";
import { openTransport } from "@trunkline/core";
import { parseTransportUrl } from "@trunkline/core/driver";
import { readSettings } from "./options/read-settings.js";
import { PINNED_CLAIMS, PINNED_OSLO_CLAIMS } from "./pinned-claims.js";
import { PrivateRabbit } from "./private-rabbit/private-rabbit.js";
import { driver } from "./rabbit-factory.js";
import { RabbitStranger } from "./stranger/rabbit-stranger.js";

type Scheme = "rabbit" | "rabbit+oslo";

/** `rabbit://` for the conformance kit: a RabbitMQ of the run's own, which must be installed. A space is a vhost. */
export const harness: ConformanceHarness = harnessOf("rabbit");

/** `rabbit+oslo://` for the conformance kit, likewise. */
export const osloHarness: ConformanceHarness = harnessOf("rabbit+oslo");

/** A user of the kit's own, and one whose password a URL must write otherwise. */
interface User {
  readonly name: string;
  readonly password: string;
}

/** An address of this machine, written so that it is in no certificate. */
const OTHER_NAME_OF_THIS_MACHINE = "127.1";

const HERE = fileURLToPath(import.meta.url);

function harnessOf(scheme: Scheme): ConformanceHarness {
  const kit: User = { name: "kit", password: randomBytes(9).toString("hex") };
  const awkward: User = { name: "awkward", password: `%:@/?#[] ü${randomBytes(6).toString("hex")}` };
  let started: PrivateRabbit | undefined;
  const running = (): PrivateRabbit => {
    if (started === undefined) throw new Error("the RabbitMQ of this run was not started: setup() comes first");
    return started;
  };
  const urlOf = (request: TransportRequest): string => urlFor(scheme, running(), request, { kit, awkward });
  return {
    name: scheme === "rabbit" ? driver.name : `${driver.name} (oslo)`,
    claims: scheme === "rabbit" ? PINNED_CLAIMS : PINNED_OSLO_CLAIMS,
    isolatesSpaces: true,
    offers: ["credentials", "tls", "heartbeat"],
    secrets: [kit.password, awkward.password, encodeURIComponent(awkward.password)],

    versions: async () => ({ [driver.name]: driver.version, RabbitMQ: await running().version() }),

    async setup() {
      started = await PrivateRabbit.start({ tls: true });
      for (const { name, password } of [kit, awkward]) await started.addUser(name, password);
    },

    async teardown() {
      await started?.end();
      started = undefined;
    },

    async openSpace(space) {
      const rabbit = running();
      await rabbit.addVhost(space);
      for (const { name } of [kit, awkward]) await rabbit.setPermissions(name, space);
    },

    dropSpace: (space) => running().deleteVhost(space),
    createTransport: (request) => openTransport(urlOf(request), { ...request.options, drivers: [driver] }),
    // Nothing listens at the first port.
    createDeadTransport: (options) => openTransport(`${scheme}://127.0.0.1:1`, { ...options, drivers: [driver] }),
    endpoint: async () => ({ host: running().host, port: running().port }),
    workerSource: (space, request) => ({ url: urlOf({ ...request, space }), options: { resolveFrom: HERE } }),

    async loseQueues(space) {
      for (const { name } of await running().queues(space)) await running().deleteQueue(space, name);
    },

    stranger: (space) => RabbitStranger.open(readSettings(parseTransportUrl(urlOf({ space })))),

    async inspect(space) {
      const queues = await running().queues(space);
      return {
        connections: (await running().connections(space)).length,
        consumers: queues.reduce((sum, queue) => sum + queue.consumers, 0),
        queues: queues.length,
      };
    },

    broker: {
      async kill() {
        // The broker brings what was declared to disk up to two seconds after it said so; that is not what a case is about.
        await running().flush();
        await running().kill();
      },
      start: () => running().restart(),
      freeze: async () => running().freeze(),
      thaw: async () => running().thaw(),
    },
  };
}

function urlFor(
  scheme: Scheme,
  rabbit: PrivateRabbit,
  { space, via, credentials, tls, heartbeatMs }: TransportRequest,
  users: { readonly kit: User; readonly awkward: User },
): string {
  const { name, password } = credentials === "awkward" ? users.awkward : users.kit;
  const user = `${name}:${encodeURIComponent(credentials === "wrong" ? "wrong" : password)}@`;
  const host = tls === "wrong-host" ? OTHER_NAME_OF_THIS_MACHINE : rabbit.host;
  const port = tls === undefined ? rabbit.port : (rabbit.tlsPort ?? rabbit.port);
  const hosts = via ?? [{ host, port }];
  const query = [
    via === undefined ? tlsQuery(scheme, rabbit, tls) : IN_TURN[scheme],
    heartbeatMs === undefined ? "" : heartbeatQuery(scheme, heartbeatMs),
  ];
  const places = hosts.map((at) => user + placeOf(at)).join(",");
  return `${scheme}://${places}/${encodeURIComponent(space)}?${query.filter((part) => part !== "").join("&")}`;
}

function tlsQuery(scheme: Scheme, { tlsFiles }: PrivateRabbit, tls: TransportRequest["tls"]): string {
  if (tls === undefined || tls === "plain") return "";
  const authority = tls === "wrong-authority" ? tlsFiles?.otherCa : tlsFiles?.ca;
  const [on, file] = scheme === "rabbit" ? ["tls", "tlsCaFile"] : ["ssl", "ssl_ca_file"];
  return `${on}=true&${file}=${encodeURIComponent(authority ?? "")}`;
}

function heartbeatQuery(scheme: Scheme, ms: number): string {
  return scheme === "rabbit" ? `heartbeatMs=${ms}` : `heartbeat_timeout_threshold=${ms / 1_000}`;
}

/** The first host of a URL first. */
const IN_TURN: Readonly<Record<Scheme, string>> = {
  rabbit: "failover=in-turn",
  "rabbit+oslo": "kombu_failover_strategy=round-robin",
};

function placeOf({ host, port }: Endpoint): string {
  return `${host}:${port}`;
}
