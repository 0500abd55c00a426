import { InvalidTargetError, NotSupportedError, type Transport } from "@trunkline/core";
import type { ConformanceCase } from "../case.js";
import { sameValue } from "../check.js";
import type { CaseContext } from "../context.js";
import type { History } from "../history.js";
import { eventProbe, rpcProbe } from "../probes.js";
import { routesTo, sendAll, serveAll } from "./every-route.js";

/** Topics of which one is a prefix or a variant of another, and which every driver takes (A5). */
const NEAR_TOPICS: readonly string[] = ["a", "ab", "A", "a/b", "a b", "ä", "aä", "x".repeat(70)];

/** Names with something in them that is more than letters, and which every driver takes (A5). */
const PLAIN_NAMES: readonly string[] = [
  "a",
  "host1",
  "host1@ceph",
  "host1@lvm",
  "a:b",
  " a",
  "😀",
  "%2F",
  "a\\b",
  "a|b",
  "é",
  "e\u0301",
  "ü".repeat(35),
];

/**
 * Topics that one backend or another would read as a wildcard, or that meet what it makes of another one: of `a` with a
 * server, a priority or a fanout (A8).
 */
const STRANGE_TOPICS: readonly string[] = [
  "a",
  "a.b",
  "a.*",
  "a#",
  "a.b.c",
  "*",
  "#",
  ">",
  "a.>",
  "..",
  "$SYS",
  "a.s1",
  "a.info",
  "a_fanout",
  "x".repeat(200),
  "ü".repeat(100),
];

/** Servers' names of the same kinds: `info` is also a priority of events (C2). */
const STRANGE_SERVERS: readonly string[] = [
  "s1",
  "*",
  "#",
  "s1.#",
  ">",
  "..",
  "$SYS",
  "info",
  "s1.info",
  "x".repeat(200),
];

const FORBIDDEN_NAMES: readonly string[] = [
  "",
  "a\u0000b",
  "a\nb",
  "\u007f",
  "\ud800",
  "x".repeat(256),
  "ü".repeat(128),
];

/** Serves each of `topics`, sends to each by every route, and finds each message at its own listener. */
async function keepApart(t: CaseContext, topics: readonly string[], history: History): Promise<void> {
  const [host, sender] = [await t.open(), await t.open()];
  for (const name of topics) await serveAll(t, host, t.exact(name), name, history);
  for (const name of topics) await sendAll(t, sender, t.exact(name), name, history);
}

/** One call to each of `servers` on one topic, on which a listener has events too where they are claimed. */
async function keepServersApart(t: CaseContext, servers: readonly string[], history: History): Promise<void> {
  const [host, sender] = [await t.open(), await t.open()];
  const topic = t.name("compute");
  for (const name of servers) await t.serve(host, { topic, server: name }, rpcProbe(history, `server ${name}`));
  if (t.claims.events) await t.listen(host, topic, eventProbe(history, "events"));
  for (const name of servers) {
    const id = `directed at ${name}`;
    await history.record(id, [[`server ${name}`]], () => sender.client({ topic, server: name }).call("echo", { id }));
  }
  if (!t.claims.events) return;
  const notifier = sender.notifier({ publisherId: "kit", topics: [topic] });
  await history.record("event", [["events"]], () => notifier.info("kit.event", { id: "event" }));
}

/** That `ask` is refused for want of `capability`, by the name of the driver. */
async function refusesName(
  t: CaseContext,
  transport: Transport,
  what: string,
  ask: () => unknown,
  capability: "exchanges" | "exactNames",
): Promise<void> {
  const error = await t.refuses(what, ask, NotSupportedError);
  sameValue(`the capability of ${what}`, error.capability, capability);
  sameValue(`the driver of ${what}`, error.driver, transport.driverName);
}

/** A1, A5, A8: names are compared whole, or what cannot be kept apart is refused. */
export const nameCases: readonly ConformanceCase[] = [
  {
    id: "ISO-01",
    title: "same topic and server on two exchanges: nothing crosses in call, cast, fanout or event",
    group: "addressing",
    clauses: ["A1", "A5"],
    needs: ["rpc", "exchanges"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      const exchanges = [t.name("east"), t.name("west")];
      for (const exchange of exchanges) await serveAll(t, await t.open({ exchange }), topic, exchange, history);
      await serveAll(t, await t.open(), topic, "default", history);
      for (let round = 0; round < 3; round++) {
        for (const exchange of exchanges)
          await sendAll(t, await t.open({ exchange }), topic, exchange, history, ` ${round}`);
        await sendAll(t, await t.open(), topic, "default", history, ` ${round}`);
      }
      await t.verify(history);
    },
  },
  {
    id: "ISO-R1",
    title: "exchanges not claimed: a topic on a second exchange is refused, nobody gets anything, and the first works",
    group: "addressing",
    clauses: ["A1", "A5", "H"],
    needs: ["rpc", "!exchanges"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      const second = { topic, exchange: t.name("other") };
      const [host, sender] = [await t.open(), await t.open()];
      await serveAll(t, host, topic, "s1", history);
      await sendAll(t, sender, topic, "s1", history, " before");
      const refuses = (transport: Transport, what: string, ask: () => unknown): Promise<void> =>
        refusesName(t, transport, `${what} on a second exchange`, ask, "exchanges");
      await refuses(host, "serve", () => host.serve({ ...second, server: "s2" }, rpcProbe(history, "refused")));
      if (t.claims.events) await refuses(host, "listen", () => host.listen([second], eventProbe(history, "refused")));
      for (const transport of [host, sender])
        for (const { kind, send } of routesTo(t, transport, second))
          await refuses(transport, kind, () => send("refused"));
      await sendAll(t, sender, topic, "s1", history, " after");
      await t.verify(history);
      await t.refusesToRequire({ exchanges: true }, "exchanges");
    },
  },
  {
    id: "ISO-02",
    title: "topics that begin alike or differ in case or accents: each listener sees its own and no other",
    group: "addressing",
    clauses: ["A5"],
    needs: ["rpc"],
    async run(t) {
      const history = t.history();
      await keepApart(t, NEAR_TOPICS, history);
      await t.verify(history);
    },
  },
  {
    id: "ISO-03",
    title: "names with @, :, |, %, a space or non-ASCII in them are delivered exactly; control characters are refused",
    group: "addressing",
    clauses: ["A5"],
    needs: ["rpc"],
    async run(t) {
      const history = t.history();
      await keepApart(t, PLAIN_NAMES, history);
      if (t.claims.serverDirected) await keepServersApart(t, [...PLAIN_NAMES, "host1.example.org"], history);
      await t.verify(history);
      const [host, sender] = [await t.open(), await t.open()];
      for (const name of FORBIDDEN_NAMES) {
        const shown = JSON.stringify(name.slice(0, 8));
        await t.refuses(`topic ${shown}`, () => sender.client({ topic: name }).cast("note"), InvalidTargetError);
        await t.refuses(
          `server ${shown}`,
          () => host.serve({ topic: "t", server: name }, { echo: () => null }),
          InvalidTargetError,
        );
        await t.refuses(
          `exchange ${shown}`,
          () => sender.client({ topic: "t", exchange: name }).cast("note"),
          InvalidTargetError,
        );
      }
    },
  },
  {
    id: "ISO-11",
    title: "topics like wildcards (*, #, >), or like a server, a priority or a fanout of another: each sees its own",
    group: "addressing",
    clauses: ["A5", "A8"],
    needs: ["rpc", "exactNames"],
    async run(t) {
      const history = t.history();
      await keepApart(t, STRANGE_TOPICS, history);
      await t.verify(history);
    },
  },
  {
    id: "ISO-12",
    title: "servers named like wildcards or like a priority of events (*, #, info): each sees its own, events apart",
    group: "addressing",
    clauses: ["A3", "A5", "A8"],
    needs: ["rpc", "serverDirected", "exactNames"],
    async run(t) {
      const history = t.history();
      await keepServersApart(t, STRANGE_SERVERS, history);
      await t.verify(history);
    },
  },
  {
    id: "ISO-R2",
    title:
      "exactNames not claimed: names like wildcards are refused at once and nothing is sent; an ordinary one works",
    group: "addressing",
    clauses: ["A5", "A8", "H"],
    needs: ["rpc", "!exactNames"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      await serveAll(t, await t.open(), topic, "s1", history);
      const transport = await t.open();
      const refuses = (what: string, ask: () => unknown): Promise<void> =>
        refusesName(t, transport, what, ask, "exactNames");
      const endpoint = rpcProbe(history, "refused");
      for (const name of ["a.*", "#"]) {
        const target = { topic: name };
        await refuses(`serve on ${name}`, () => transport.serve({ ...target, server: "s1" }, endpoint));
        for (const { kind, send } of routesTo(t, transport, target))
          await refuses(`${kind} to ${name}`, () => send("refused"));
        if (t.claims.events)
          await refuses(`listen on ${name}`, () => transport.listen([target], eventProbe(history, "refused")));
      }
      const directed = { topic, server: "*" };
      await refuses("serve as *", () => transport.serve(directed, endpoint));
      if (t.claims.serverDirected) {
        await refuses("a call to *", () => transport.client(directed).call("echo", { id: "refused" }));
        await refuses("a cast to *", () => transport.client(directed).cast("note", { id: "refused" }));
      }
      await sendAll(t, transport, topic, "s1", history);
      await t.verify(history);
      await t.refusesToRequire({ exactNames: true }, "exactNames");
    },
  },
];
