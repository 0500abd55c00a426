import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { openTransport, type Transport } from "@trunkline/core";
import { type Accounting, buildAccounting, digestOf, type Summary, summarise } from "./accounting.js";
import type { Ending } from "./api.js";
import type { Expected } from "./control.js";
import { type Account, type MessageKind, perKind } from "./ledger.js";
import type { Progress } from "./progress.js";
import { POOLS, roleNames, type Settings, type Topics, topicsOf } from "./settings.js";
import { ManyProcesses, OneProcess, type Stage } from "./stage.js";
import { type CloudRequest, readTrace } from "./trace.js";

/** Longer than the whole run takes on a machine that is busy with other things. */
const LONGEST_RUN_MS = 120_000;

export interface CloudOptions {
  readonly url: string;
  readonly hosts: number;
  readonly trace: string;
  readonly progress: Progress;
}

export interface CloudReport {
  /** Without credentials. */
  readonly url: string;
  readonly hosts: number;
  readonly processes: number;
  readonly tookMs: number;
  readonly accounting: Accounting;
  readonly digest: string;
  readonly summary: Summary;
  readonly latenciesMs: Readonly<Record<MessageKind, readonly number[]>>;
  readonly problems: readonly string[];
  /** Every request ended as the trace says, every message arrived exactly once, and nothing else went wrong. */
  readonly ok: boolean;
}

/** Runs the whole cloud once, from the first process to the last one's end. */
export async function runCloud({ url, hosts, trace, progress }: CloudOptions): Promise<CloudReport> {
  const beganAt = performance.now();
  const requests = await readTrace(trace);
  const run = `cloud-${randomBytes(6).toString("hex")}`;
  const topics = topicsOf(run);
  const settings: Settings = { url, run, topics, hosts, trace };
  const transport = await openTransport(url);
  let stage: Stage | undefined;
  let isStopped = false;
  try {
    transport.require({ rpc: true, events: true, fanout: true, serverDirected: true, pools: true });
    const isSpread = transport.capabilities.crossProcess;
    stage = isSpread ? new ManyProcesses(settings) : new OneProcess(settings);
    const roles = roleNames(hosts);
    progress.say(
      `starting ${roles.length} roles over ${transport.url}, ${isSpread ? "each in a process of its own" : "all in this process"}`,
    );
    await Promise.all(roles.map((role) => stage?.start(role)));
    await watchEnds(transport, topics, progress, requests.length);
    const { joinLatencyMs } = transport.capabilities;
    if (joinLatencyMs > 0) await pause(joinLatencyMs); // the manifest's word for when everybody sees everybody (E2)
    const endings = await Promise.race([replay(transport, topics), stage.failed]);
    progress.say("asking every role for its book");
    const accounts = await Promise.race([collect(transport, topics, roles), stage.failed]);
    progress.end();
    const accounting = buildAccounting(endings, accounts, hosts);
    await stage.stop();
    isStopped = true;
    return report(
      transport,
      hosts,
      isSpread ? roles.length + 1 : 1,
      accounting,
      accounts,
      requests,
      performance.now() - beganAt,
    );
  } finally {
    progress.end();
    if (!isStopped) await stage?.abandon();
    await transport.close();
  }
}

/**
 * The conductor's own view of what goes on, which is not part of the accounting. It listens without a pool, to all priorities:
 * a backend that keeps such events until somebody takes them has none left after the run.
 */
async function watchEnds(transport: Transport, topics: Topics, progress: Progress, total: number): Promise<void> {
  let ended = 0;
  const step = (): void => {
    ended += 1;
    progress.step(ended, total);
  };
  const endpoint = { filter: { eventType: "request\\.end" }, audit: step, info: step, error: step };
  await transport.listen([{ topic: topics.notifications }], endpoint);
}

function replay(transport: Transport, topics: Topics): Promise<Readonly<Record<string, Ending>>> {
  const api = transport.client({ topic: topics.control, server: "api" }, { timeoutMs: LONGEST_RUN_MS });
  return api.call<Readonly<Record<string, Ending>>>("replay");
}

/** Every role's book. Who sends is asked first, so that who receives can be told how much to wait for. */
async function collect(transport: Transport, topics: Topics, roles: readonly string[]): Promise<readonly Account[]> {
  const control = transport.client({ topic: topics.control }, { timeoutMs: LONGEST_RUN_MS });
  const ask = (server: string, expected: Expected): Promise<Account> =>
    control.to({ server }).call<Account>("account", expected);
  const api = await ask("api", { fanouts: 0, events: 0 });
  const fanoutsTo = (topic: string): number => api.sent.fanout.filter((key) => key.startsWith(`api>${topic} `)).length;
  const rest = roles.filter((role) => role !== "api" && role !== "telemetry");
  const senders = await Promise.all(
    rest.map((role) => {
      const fanouts = role.startsWith("scheduler") ? fanoutsTo("scheduler") : 2 * fanoutsTo("compute");
      return ask(role, { fanouts, events: 0 });
    }),
  );
  const accounts = [api, ...senders];
  const events = POOLS.length * accounts.reduce((sum, account) => sum + account.sent.event.length, 0);
  return [...accounts, await ask("telemetry", { fanouts: 0, events })];
}

function report(
  transport: Transport,
  hosts: number,
  processes: number,
  accounting: Accounting,
  accounts: readonly Account[],
  trace: readonly CloudRequest[],
  tookMs: number,
): CloudReport {
  const summary = summarise(accounting, trace);
  const problems = accounts.flatMap((account) => account.problems);
  const isWhole = Object.values(summary.messages).every(({ lost, excess }) => lost === 0 && excess === 0);
  const isRight = Object.values(summary.requests).every(({ wrong }) => wrong === 0);
  return {
    url: String(transport.url),
    hosts,
    processes,
    tookMs,
    accounting,
    digest: digestOf(accounting),
    summary,
    latenciesMs: perKind((kind) => accounts.flatMap((account) => account.latenciesMs[kind])),
    problems,
    ok: isWhole && isRight && problems.length === 0,
  };
}
