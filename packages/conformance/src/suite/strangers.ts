import { ConnectionLostError, InvalidTransportUrlError, NotSupportedError, RemoteError } from "@trunkline/core";
import type { ConformanceCase } from "../case.js";
import { atLeast, atMost, check, fail, sameValue, show } from "../check.js";
import type { CaseContext } from "../context.js";
import type { TransportRequest } from "../harness.js";
import { rpcProbe } from "../probes.js";
import type { StrangerReply } from "../stranger.js";

/** Less than what a length of 4 GiB announces, and more than what a process grows by otherwise. */
const MOST_BYTES_MORE = 512 * 1024 * 1024;

/** As an application registers it. That its constructor runs would be seen. */
class RegisteredError extends Error {
  static made = 0;
  constructor(message: string) {
    super(message);
    RegisteredError.made++;
  }
}

/** Names that mean something to a runtime, as classes and as modules. */
const CLASS_NAMES: readonly (readonly [string, string])[] = [
  ["Function", "builtins"],
  ["constructor", "Object"],
  ["__proto__", "__proto__"],
  ["hasOwnProperty", ""],
  ["execSync", "node:child_process"],
  ["system", "os"],
  ["../../package.json", "./package.json"],
  ["AsyncFunction", "@trunkline/core/driver"],
];

/** F1, F2, B9: what comes from somebody who does not keep to the rules of the wire. */
export const strangerCases: readonly ConformanceCase[] = [
  {
    id: "SEC-04",
    title:
      "noise, a length of 4 GiB, what breaks off: it is dropped and told, memory is bounded, and the server serves others",
    group: "security",
    clauses: ["F1"],
    needs: ["rpc", "ability:stranger"],
    timeoutMs: 60_000,
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      const host = await t.open();
      const dropped = droppedOf(t, host.events);
      await t.serve(host, { topic, server: "s1" }, rpcProbe(history, "s1"));
      const client = (await t.open()).client({ topic });
      await history.record("before", [["s1"]], () => client.call("echo", { id: "before" }));
      const memory = process.memoryUsage().rss;
      const stranger = await t.stranger();
      const sent = await t.within("the noise to be sent", stranger.sendNoise(topic), 20_000);
      t.note(`sent: ${sent.join(", ")}`);
      await t.until("the noise to be told", () => dropped.length > 0);
      for (let n = 0; n < 20; n++) {
        const id = `m${n}`;
        await history.record(id, [["s1"]], () => client.call("echo", { id }));
      }
      const other = (await t.open()).client({ topic });
      await history.record("after", [["s1"]], () => other.call("echo", { id: "after" }));
      await t.verify(history);
      atMost("bytes by which the process grew", process.memoryUsage().rss - memory, MOST_BYTES_MORE);
    },
  },
  {
    id: "SEC-05",
    title:
      "a cast of a later edition: what is added is passed over, an unknown version is refused and told; the server lives",
    group: "security",
    clauses: ["F1"],
    needs: ["rpc", "ability:stranger"],
    timeoutMs: 60_000,
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      const host = await t.open();
      const dropped = droppedOf(t, host.events);
      await t.serve(host, { topic, server: "s1" }, rpcProbe(history, "s1"));
      const stranger = await t.stranger();
      for (const form of ["plain", "extended"] as const) {
        await history.record(form, [["s1"]], () => stranger.cast(topic, form, form));
        await t.until(
          `the cast to be handled: ${form}`,
          () => history.countOf(form) === 1,
          () => dropped,
        );
      }
      sameValue("what was dropped of those", dropped, []);
      const refusal = await t.within("the unknown version", stranger.cast(topic, "unknown", "unknown-version"));
      await t.until("the unknown version to be told", () => dropped.length > 0 || refusal !== undefined);
      check(refusal === undefined || refusal.length > 0, "a refusal says nothing");
      // Whether what has no name of its own is handled or dropped is the driver's word: at most once, and never a crash.
      const nameless = await t.within("the nameless cast", stranger.cast(topic, "nameless", "nameless"));
      const isOver = (): boolean => history.countOf("nameless") > 0 || dropped.length > 1 || nameless !== undefined;
      await t.until("the nameless cast to be handled or told", isOver);
      const client = (await t.open()).client({ topic });
      await history.record("fence", [["s1"]], () => client.call("echo", { id: "fence" }));
      await t.quiet();
      sameValue("times that the unknown version ran", history.countOf("unknown"), 0);
      atMost("times that the nameless cast ran", history.countOf("nameless"), 1);
      const known = history.seenBy("s1").filter((id) => id !== "nameless");
      sameValue("what was handled", known, ["plain", "extended", "fence"]);
    },
  },
  {
    id: "SEC-06",
    title: "a peer answers calls that were not put to it, or that nobody has: no call takes that for its reply",
    group: "security",
    clauses: ["B9", "F1"],
    needs: ["rpc", "ability:stranger"],
    timeoutMs: 60_000,
    async run(t) {
      const [honest, strange] = [t.name("honest"), t.name("strange")];
      const gate = t.gate();
      await t.serve(await t.open(), { topic: honest, server: "s1" }, { hold: () => gate.pass("honest") });
      const stranger = await t.stranger();
      const reply: StrangerReply = { kind: "result", value: "own" };
      await t.within(
        "the stranger to serve",
        stranger.serve(strange, () => [{ kind: "stray" }, reply]),
      );
      const transport = await t.open();
      const dropped = droppedOf(t, transport.events);
      const held = Array.from({ length: 5 }, () => transport.client({ topic: honest }).call("hold"));
      const outcomes = Promise.allSettled(held);
      await t.within("the handlers to run", gate.arrived(held.length));
      let settled = 0;
      for (const call of held)
        call.then(
          () => settled++,
          () => settled++,
        );
      // Its own call it may answer, unless the driver has done with it by then.
      const own = transport.client({ topic: strange }).call("anything");
      const end = await t.within(
        "the stranger's own call",
        own.catch((error: unknown) => error),
      );
      const isTold = end === "own" || end instanceof ConnectionLostError;
      check(isTold, `the stranger's own call ended with ${show(end)}`);
      await t.until("the forged replies to be told", () => dropped.length > 0);
      sameValue("calls to the honest server that have ended", settled, 0);
      gate.open();
      const values = (await t.within("the honest replies", outcomes)).map((outcome) => Object.values(outcome)[1]);
      t.saw(values.length);
      sameValue(
        "the replies",
        values,
        held.map(() => "honest"),
      );
    },
  },
  {
    id: "SEC-07",
    title:
      "an error from the wire claims classes and modules by name: none is loaded or made, and no prototype is touched",
    group: "security",
    clauses: ["B5", "F2"],
    needs: ["rpc", "ability:stranger"],
    timeoutMs: 60_000,
    async run(t) {
      const topic = t.name("strange");
      const stranger = await t.stranger();
      const message = "as the stranger says";
      const answer = (method: string): readonly StrangerReply[] => {
        const [type, module] = CLASS_NAMES[Number(method.slice(1))] ?? ["RegisteredError", "application"];
        // The key is one of its own here, as it is on the wire.
        const details = JSON.parse('{"__proto__":"polluted","constructor":"polluted","toString":"polluted"}');
        return [{ kind: "failure", type, ...(module === "" ? {} : { module }), message, details }];
      };
      await t.within("the stranger to serve", stranger.serve(topic, answer));
      const client = (await t.open({ errors: [RegisteredError] })).client({ topic });
      for (const [index, [type]] of CLASS_NAMES.entries()) {
        const error = await t.rejects(`an error called ${type}`, client.call(`m${index}`), RemoteError);
        sameValue("its class", Object.getPrototypeOf(error), RemoteError.prototype);
        sameValue("its type", error.type, type);
      }
      const made = RegisteredError.made;
      const error = await t.rejects("an error of a registered class", client.call("registered"), RegisteredError);
      check(error.message.includes(message), `the message is lost: ${error.message}`);
      sameValue("constructors that ran", RegisteredError.made - made, 0);
      sameValue("what Object.prototype has", Reflect.get({}, "polluted"), undefined);
      check(Object.prototype.toString.call(error) === "[object Error]", "toString of all objects was replaced");
    },
  },
  {
    id: "SEC-R1",
    title:
      "tls or auth not claimed: to ask for it is refused at start-up, by require and in the URL; never passed over",
    group: "security",
    clauses: ["F3", "H"],
    needs: ["!tls"],
    async run(t) {
      await t.refusesToRequire({ tls: true }, "tls");
      const offers = t.harness.offers ?? [];
      if (offers.includes("tls")) await isRefused(t, "TLS", { tls: "good" });
      if (!t.claims.auth && offers.includes("credentials")) await isRefused(t, "a password", { credentials: "good" });
    },
  },
];

/** What a transport tells that it dropped. */
function droppedOf(t: CaseContext, events: Awaited<ReturnType<CaseContext["open"]>>["events"]): readonly string[] {
  const reasons: string[] = [];
  events.on("dropped", ({ reason }) => {
    t.saw();
    reasons.push(reason);
  });
  return reasons;
}

/** A URL that asks for what the manifest does not claim: it names the capability, or the part of the URL that is of no use. */
async function isRefused(t: CaseContext, what: string, request: Partial<TransportRequest>): Promise<void> {
  const opening = t.attempt(request).then((transport) => {
    t.adopt(transport);
    return fail(`a transport opened that was asked for ${what}`);
  });
  const error = await t.rejects(`opening with ${what}`, opening, Error);
  const isTold = error instanceof NotSupportedError || error instanceof InvalidTransportUrlError;
  check(isTold, `opening with ${what} ended with ${show(error)}`);
  if (error instanceof InvalidTransportUrlError) atLeast("letters that name the part", error.part.length, 1);
}
