import {
  AbortError,
  ClosedError,
  DriverNotFoundError,
  InvalidArgumentError,
  InvalidTransportUrlError,
  openTransport,
} from "@trunkline/core";
import type { ConformanceCase } from "../case.js";
import { atMost, check, sameValue } from "../check.js";
import { census } from "../leaks.js";
import { eventProbe, rpcProbe } from "../probes.js";

/** E1, E4: opening says clearly what is wrong; closing ends everything, and says so to whoever waits. */
export const transportLifecycleCases: readonly ConformanceCase[] = [
  {
    id: "LIFE-05",
    title: "a listener leaves with events that it had not begun: they go to another of its pool, none twice",
    group: "lifecycle",
    clauses: ["C4", "E3"],
    needs: ["events", "redelivery"],
    async run(t) {
      const history = t.history();
      const topic = t.name("events");
      const gate = t.gate();
      const held = eventProbe(history, "held", ["info"], () => gate.pass());
      const leaver = await t.listen(await t.open(), topic, held, { concurrency: 1, credit: 5 });
      const notifier = (await t.open()).notifier({ publisherId: "kit", topics: [topic] });
      for (let n = 0; n < 5; n++) {
        const id = `m${n}`;
        await history.record(id, [["held", "other"]], () => notifier.info("kit.event", { id }));
      }
      await t.within("the first handler to run", gate.arrived(1));
      await t.listen(await t.open(), topic, eventProbe(history, "other"));
      const stopping = leaver.stop();
      await t.until("the other to take over", () => history.seenBy("other").length === 4);
      gate.open();
      await t.within("stop()", stopping);
      await t.verify(history);
      sameValue("events of the one that left", history.seenBy("held").length, 1);
    },
  },
  {
    id: "LIFE-08",
    title: "close() with calls in flight: every caller has ClosedError at once",
    group: "lifecycle",
    clauses: ["E4"],
    needs: ["rpc"],
    async run(t) {
      const topic = t.name("compute");
      const gate = t.gate();
      await t.serve(await t.open(), { topic, server: "s1" }, { hold: () => gate.pass() });
      const transport = await t.open();
      const client = transport.client({ topic }, { timeoutMs: t.ms(20_000) });
      const calls = Array.from({ length: 10 }, (_, n) => t.rejects(`call ${n}`, client.call("hold"), ClosedError));
      await t.within("the handlers to run", gate.arrived(10));
      const began = performance.now();
      const closed = transport.close();
      await Promise.all(calls);
      atMost("milliseconds until the callers knew", performance.now() - began, t.ms(1_000));
      await t.within("close()", closed);
      gate.open();
    },
  },
  {
    id: "LIFE-09",
    title: "use after close: call, cast, serve, listen, notifier and client are each ClosedError",
    group: "lifecycle",
    clauses: ["E4", "G"],
    needs: ["rpc"],
    async run(t) {
      const transport = await t.open();
      const topic = t.name("compute");
      const client = transport.client({ topic });
      const notifier = t.claims.events ? transport.notifier({ publisherId: "kit", topics: [topic] }) : undefined;
      await t.within("close()", transport.close());
      await t.rejects("call", client.call("echo"), ClosedError);
      await t.rejects("cast", client.cast("note"), ClosedError);
      if (t.claims.fanout) await t.rejects("fanout", client.fanout("note"), ClosedError);
      await t.refuses("serve", () => transport.serve({ topic, server: "s1" }, { echo: () => null }), ClosedError);
      await t.refuses("client", () => transport.client({ topic }), ClosedError);
      if (notifier === undefined) return;
      await t.rejects("an event", notifier.info("kit.event"), ClosedError);
      await t.refuses("notifier", () => transport.notifier({ publisherId: "kit" }), ClosedError);
      await t.refuses("listen", () => transport.listen([{ topic }], { info: () => {} }), ClosedError);
    },
  },
  {
    id: "LIFE-11",
    title: "open, use, close, 50 times over: what keeps the process alive is as it was before",
    group: "lifecycle",
    clauses: ["E4"],
    needs: ["rpc"],
    timeoutMs: 60_000,
    async run(t) {
      const history = t.history();
      const before = census();
      const left = (): string[] =>
        [...census()]
          .filter(([kind, count]) => count > (before.get(kind) ?? 0))
          .map(([kind, count]) => `${count} ${kind}`);
      const rounds = t.claims.joinLatencyMs > 0 ? 5 : 50;
      for (let round = 0; round < rounds; round++) {
        const [topic, id] = [t.name("compute"), `m${round}`];
        const transport = await t.open();
        await t.serve(transport, { topic, server: "s1" }, rpcProbe(history, "s1"));
        await history.record(id, [["s1"]], () => transport.client({ topic }).call("echo", { id }));
        await t.within("close()", transport.close());
      }
      await t.verify(history);
      await t.until("resources to be as before", () => left().length === 0, left);
    },
  },
  {
    id: "LIFE-17",
    title: "close() of a transport drains its servers: the call in a handler is answered first",
    group: "lifecycle",
    clauses: ["E3", "E4"],
    needs: ["rpc"],
    async run(t) {
      const topic = t.name("compute");
      const gate = t.gate();
      const host = await t.open();
      await t.serve(host, { topic, server: "s1" }, { hold: () => gate.pass("in time") });
      const call = (await t.open()).client({ topic }).call("hold");
      const outcome = call.catch((error: unknown) => error);
      await t.within("the handler to run", gate.arrived(1));
      const closed = host.close();
      gate.open();
      sameValue("the call", await t.within("the reply", outcome), "in time");
      t.saw();
      await t.within("close()", closed);
    },
  },
  {
    id: "LIFE-18",
    title: "opening fails clearly: a bad URL, an unknown driver, an unknown option, a bad timeout, an abort",
    group: "lifecycle",
    clauses: ["E1", "G"],
    needs: [],
    async run(t) {
      const bad = await t.refuses("no URL at all", () => openTransport("not a url"), InvalidTransportUrlError);
      check(bad.part.length > 0, "the error does not name the part that is wrong");
      const unknown = await t.refuses("an unknown scheme", () => openTransport("nosuchdriver://"), DriverNotFoundError);
      sameValue("the scheme", unknown.scheme, "nosuchdriver");
      const opening = (options: object) => () => t.open(options);
      await t.refuses("an unknown option", opening({ noSuchOption: 1 }), InvalidArgumentError);
      await t.refuses("callTimeoutMs 0", opening({ callTimeoutMs: 0 }), InvalidArgumentError);
      await t.refuses("connectTimeoutMs NaN", opening({ connectTimeoutMs: Number.NaN }), InvalidArgumentError);
      await t.refuses("an aborted opening", opening({ signal: AbortSignal.abort() }), AbortError);
    },
  },
  {
    id: "LIFE-19",
    title: "a backend that is down: the opening can be aborted at once",
    group: "lifecycle",
    clauses: ["E1"],
    needs: ["ability:dead-address"],
    async run(t) {
      const controller = new AbortController();
      const opening = t.harness.createDeadTransport?.({ connectTimeoutMs: t.ms(20_000), signal: controller.signal });
      const failed = (opening ?? Promise.resolve()).then(
        (transport) => transport,
        (error: unknown) => error,
      );
      const began = performance.now();
      controller.abort();
      const error = await t.within("the opening to end", failed);
      t.saw();
      t.errors.push(error);
      // Where the address is refused for good there was nothing to abort.
      const isTold = error instanceof Error && ["AbortError", "ConnectError"].includes(error.name);
      check(isTold, `expected AbortError or ConnectError, got ${String(error)}`);
      atMost("milliseconds until it ended", performance.now() - began, t.ms(1_000));
    },
  },
];
