// Over 300 lines: the errors' cases each need a thrower of their own, and the table G is read as one.
import {
  ConnectError,
  MessagingError,
  NoSuchMethodError,
  RemoteError,
  SerializationError,
  UnreachableError,
} from "@trunkline/core";
import type { ConformanceCase } from "../case.js";
import { atMost, check, sameValue, show, wholeText } from "../check.js";
import { rpcProbe } from "../probes.js";

/** An application's own error, as both sides of a conversation would define it. */
class QuotaError extends Error {
  readonly limit: number;
  readonly used: readonly number[];
  constructor(message: string, limit: number, used: readonly number[]) {
    super(message);
    this.name = "QuotaError";
    this.limit = limit;
    this.used = used;
  }
}

/** Things that a handler may throw and that are hard to describe (B5). */
function oddities(): readonly (readonly [string, unknown])[] {
  const circular: Error & { self?: unknown } = new Error("circular");
  circular.self = circular;
  const hostile = new Error("getter");
  Object.defineProperty(hostile, "detail", {
    enumerable: true,
    get() {
      throw new Error("do not read me");
    },
  });
  const unreadable = new Proxy(
    {},
    {
      get() {
        throw new Error("no");
      },
      getPrototypeOf() {
        throw new Error("no");
      },
    },
  );
  return [
    ["a string", "just text"],
    ["undefined", undefined],
    ["null", null],
    ["a number", 42],
    ["a symbol", Symbol("odd")],
    ["a frozen error", Object.freeze(new Error("frozen"))],
    ["a circular error", circular],
    ["an error with a getter that throws", hostile],
    ["a Proxy that refuses to be read", unreadable],
    ["an object without a prototype", Object.create(null)],
    ["an error with a lone surrogate", new Error("\ud800 broken")],
    ["an error whose name is no string", Object.assign(new Error("name"), { name: 7 })],
  ];
}

const CODES: ReadonlySet<string> = new Set([
  "ERR_INVALID_TRANSPORT_URL",
  "ERR_INVALID_TARGET",
  "ERR_INVALID_ARGUMENT",
  "ERR_DRIVER_NOT_FOUND",
  "ERR_VERSION_CAP",
  "ERR_SERIALIZATION",
  "ERR_MESSAGE_TOO_LARGE",
  "ERR_NOT_SUPPORTED",
  "ERR_CONNECT",
  "ERR_AUTH",
  "ERR_LISTEN",
  "ERR_UNREACHABLE",
  "ERR_OVERLOADED",
  "ERR_CLOSED",
  "ERR_CONNECTION_LOST",
  "ERR_TIMEOUT",
  "ERR_ABORT",
  "ERR_REMOTE",
  "ERR_NO_SUCH_METHOD",
  "ERR_UNSUPPORTED_VERSION",
  "ERR_VALIDATION",
]);

/** B5, D3, A7, F2, F4, G: what goes wrong is told, by the right class, to the right side. */
export const errorCases: readonly ConformanceCase[] = [
  {
    id: "ERR-01",
    title: "a handler throws: the caller gets a RemoteError with type, message and remote stack",
    group: "errors",
    clauses: ["B5"],
    needs: ["rpc"],
    async run(t) {
      const topic = t.name("compute");
      const endpoint = {
        explode: () => {
          throw new RangeError("too much of it");
        },
        async reject() {
          throw new TypeError("later");
        },
      };
      const host = await t.open();
      await t.serve(host, { topic, server: "s1" }, endpoint);
      await t.serve(host, { topic: `${topic}-discreet`, server: "s1" }, endpoint, { exposeStack: false });
      const transport = await t.open();
      const error = await t.rejects("the call", transport.client({ topic }).call("explode"), RemoteError);
      sameValue("the type", error.type, "RangeError");
      check(error.message.includes("too much of it"), `the message lost the handler's own: ${error.message}`);
      check(
        error.remoteStack?.includes("explode") === true,
        `the remote stack does not name the handler: ${show(error.remoteStack)}`,
      );
      const later = await t.rejects("the rejecting call", transport.client({ topic }).call("reject"), RemoteError);
      sameValue("the type", later.type, "TypeError");
      const hidden = await t.rejects(
        "a discreet server",
        transport.client({ topic: `${topic}-discreet` }).call("explode"),
        RemoteError,
      );
      sameValue("the stack of a server that hides it", hidden.remoteStack, undefined);
    },
  },
  {
    id: "ERR-02",
    title: "a registered error class is rebuilt: instanceof holds and its data survives",
    group: "errors",
    clauses: ["B5"],
    needs: ["rpc"],
    async run(t) {
      const topic = t.name("compute");
      const endpoint = {
        boot: () => {
          throw new QuotaError("no room", 10, [7, 3]);
        },
      };
      await t.serve(await t.open(), { topic, server: "s1" }, endpoint);
      const client = (await t.open({ errors: [QuotaError] })).client({ topic });
      const error = await t.rejects("the call", client.call("boot"), QuotaError);
      sameValue(
        "the data",
        { message: error.message, limit: error.limit, used: error.used },
        { message: "no room", limit: 10, used: [7, 3] },
      );
    },
  },
  {
    id: "ERR-03",
    title: "an error class that is not registered is data: nothing is constructed or loaded by its name",
    group: "errors",
    clauses: ["B5", "F2"],
    needs: ["rpc"],
    async run(t) {
      const topic = t.name("compute");
      const endpoint = {
        boot: () => {
          throw new QuotaError("no room", 10, [7, 3]);
        },
        disguise: () => {
          throw Object.assign(new Error("x"), { name: "node:fs", path: "/etc/passwd" });
        },
        proto: () => {
          throw Object.assign(new Error("x"), { name: "__proto__" });
        },
      };
      await t.serve(await t.open(), { topic, server: "s1" }, endpoint);
      const client = (await t.open()).client({ topic });
      const error = await t.rejects("the call", client.call("boot"), RemoteError);
      sameValue("the type", error.type, "QuotaError");
      sameValue("the details", error.details, { limit: 10, used: [7, 3] });
      const disguised = await t.rejects("a disguised error", client.call("disguise"), RemoteError);
      sameValue("the class", disguised.constructor.name, "RemoteError");
      sameValue("the type", disguised.type, "node:fs");
      const proto = await t.rejects("an error called __proto__", client.call("proto"), RemoteError);
      sameValue("the class", proto.constructor.name, "RemoteError");
    },
  },
  {
    id: "ERR-04",
    title:
      "a handler throws oddities (a string, undefined, frozen, circular, a Proxy): each rejects the caller, the server lives",
    group: "errors",
    clauses: ["B5"],
    needs: ["rpc"],
    async run(t) {
      const topic = t.name("compute");
      const odd = oddities();
      const endpoint = {
        throws: ({ index }: { index: number }) => {
          throw odd[index]?.[1];
        },
        async rejects({ index }: { index: number }) {
          throw odd[index]?.[1];
        },
        alive: () => "yes",
      };
      await t.serve(await t.open(), { topic, server: "s1" }, endpoint);
      const client = (await t.open()).client({ topic });
      for (const [index, [name]] of odd.entries()) {
        await t.rejects(`throwing ${name}`, client.call("throws", { index }), RemoteError);
        await t.rejects(`rejecting with ${name}`, client.call("rejects", { index }), RemoteError);
      }
      sameValue("the server after all that", await t.within("a call", client.call("alive")), "yes");
    },
  },
  {
    id: "ERR-05",
    title: "an unknown method is NoSuchMethodError, soon, and no crash of the server",
    group: "errors",
    clauses: ["B3"],
    needs: ["rpc"],
    async run(t) {
      const topic = t.name("compute");
      await t.serve(await t.open(), { topic, server: "s1" }, { alive: () => "yes" });
      const client = (await t.open()).client({ topic });
      const began = performance.now();
      await t.rejects("an unknown method", client.call("nowhere", { a: 1 }), NoSuchMethodError);
      atMost("milliseconds until it was told", performance.now() - began, t.ms(2_000));
      check(t.handlerErrors.length === 0, "an unknown method was reported as a handler's failure");
      sameValue("the server after it", await t.within("a call", client.call("alive")), "yes");
    },
  },
  {
    id: "ERR-06",
    title: "inherited and private names (constructor, __proto__, toString, _hidden, accessors) are no methods",
    group: "errors",
    clauses: ["B3", "F1"],
    needs: ["rpc"],
    async run(t) {
      const topic = t.name("compute");
      const ran: string[] = [];
      class Endpoint {
        alive(): string {
          return "yes";
        }
        _hidden(): void {
          ran.push("_hidden");
        }
        get secret(): () => void {
          return () => {
            ran.push("secret");
          };
        }
        readonly number = 7;
      }
      await t.serve(await t.open(), { topic, server: "s1" }, new Endpoint());
      const client = (await t.open()).client({ topic });
      const names = [
        "constructor",
        "__proto__",
        "toString",
        "valueOf",
        "hasOwnProperty",
        "__defineGetter__",
        "_hidden",
        "secret",
        "number",
        "target",
      ];
      for (const name of names) await t.rejects(`calling ${name}`, client.call(name), NoSuchMethodError);
      sameValue("what ran", ran, []);
      sameValue("a real method", await t.within("a call", client.call("alive")), "yes");
    },
  },
  {
    id: "ERR-07",
    title: "a result that cannot travel rejects the caller with SerializationError, remote; the server lives",
    group: "errors",
    clauses: ["D3"],
    needs: ["rpc"],
    async run(t) {
      const topic = t.name("compute");
      const circular: { self?: unknown } = {};
      circular.self = circular;
      const endpoint = {
        aFunction: () => ({ run: () => 1 }),
        circular: () => circular,
        aMap: () => new Map([["a", 1]]),
        notANumber: () => [Number.NaN],
        surrogate: () => "\udfff",
        alive: () => "yes",
      };
      await t.serve(await t.open(), { topic, server: "s1" }, endpoint);
      const client = (await t.open()).client({ topic });
      for (const method of ["aFunction", "circular", "aMap", "notANumber", "surrogate"]) {
        const error = await t.rejects(`a result: ${method}`, client.call(method), SerializationError);
        check(error.remote, `${method}: the error does not say that the handler ran (remote)`);
      }
      sameValue("the server after all that", await t.within("a call", client.call("alive")), "yes");
    },
  },
  {
    id: "ERR-08",
    title: "an argument that cannot travel is refused at the sender, names the path, and is delivered to nobody",
    group: "errors",
    clauses: ["D2", "G"],
    needs: ["rpc"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      await t.serve(await t.open(), { topic, server: "s1" }, rpcProbe(history, "s1"));
      const client = (await t.open()).client({ topic });
      const circular: { self?: unknown } = {};
      circular.self = circular;
      const table: readonly (readonly [string, unknown])[] = [
        ["a function", () => 1],
        ["a symbol", Symbol("s")],
        ["a cycle", circular],
        ["a Map", new Map()],
        ["NaN", Number.NaN],
        ["Infinity", Number.POSITIVE_INFINITY],
        ["a lone surrogate", "\ud800"],
        ["a class instance", new QuotaError("x", 1, [])],
      ];
      for (const [name, value] of table) {
        const call = await t.rejects(
          `calling with ${name}`,
          client.call("echo", { id: "bad", deep: [{ value }] }),
          SerializationError,
        );
        check(!call.remote, `${name}: refused by the other side, not by the sender`);
        check(
          call.path?.includes("value") === true,
          `${name}: the error does not name the path, but ${show(call.path)}`,
        );
        await t.rejects(`casting ${name}`, client.cast("note", { id: "bad", deep: [{ value }] }), SerializationError);
      }
      await history.record("fence", [["s1"]], () => client.call("echo", { id: "fence" }));
      await t.verify(history);
    },
  },
  {
    id: "ERR-09",
    title: "an address at which nobody answers: ConnectError within connectTimeoutMs",
    group: "errors",
    clauses: ["E1", "G"],
    needs: ["ability:dead-address"],
    async run(t) {
      const connectTimeoutMs = t.ms(1_000);
      const began = performance.now();
      const opening = t.harness.createDeadTransport?.({ connectTimeoutMs });
      await t.rejects("opening", opening ?? Promise.resolve(), ConnectError);
      atMost("milliseconds until it was told", performance.now() - began, connectTimeoutMs + t.ms(1_000));
    },
  },
  {
    id: "ERR-11",
    title: "a call to nobody is UnreachableError in less than a quarter of its timeout",
    group: "errors",
    clauses: ["A7"],
    needs: ["rpc"],
    proves: ["undeliverable"],
    async run(t) {
      if (t.claims.undeliverable === "none") {
        t.isUnproven = true;
        t.note("the manifest claims no notice of undeliverable messages");
        return;
      }
      const timeoutMs = t.ms(8_000);
      const client = (await t.open()).client({ topic: t.name("nobody") });
      const began = performance.now();
      await t.rejects("a call to nobody", client.call("echo", {}, { timeoutMs }), UnreachableError);
      atMost("milliseconds until it was told", performance.now() - began, timeoutMs / 4);
    },
  },
  {
    id: "ERR-12",
    title: "a cast to nobody is UnreachableError on the cast's own promise",
    group: "errors",
    clauses: ["A7", "B2"],
    needs: ["rpc"],
    proves: ["undeliverable"],
    async run(t) {
      if (t.claims.undeliverable === "none") {
        t.isUnproven = true;
        t.note("the manifest claims no notice of undeliverable messages");
        return;
      }
      const timeoutMs = t.ms(8_000);
      const client = (await t.open()).client({ topic: t.name("nobody") });
      const began = performance.now();
      await t.rejects("a cast to nobody", client.cast("note", {}, { timeoutMs }), UnreachableError);
      atMost("milliseconds until it was told", performance.now() - began, timeoutMs / 4);
    },
  },
  {
    id: "ERR-15",
    title: "errors declared as expected reach the caller and are not reported as the server's failures",
    group: "errors",
    clauses: ["B5"],
    needs: ["rpc"],
    async run(t) {
      const topic = t.name("compute");
      const endpoint = {
        expected: () => {
          throw new QuotaError("as agreed", 1, []);
        },
        surprise: () => {
          throw new Error("not agreed");
        },
      };
      await t.serve(await t.open(), { topic, server: "s1" }, endpoint, { expectedErrors: [QuotaError] });
      const client = (await t.open()).client({ topic });
      await t.rejects("the expected error", client.call("expected"), RemoteError);
      await t.rejects("the surprise", client.call("surprise"), RemoteError);
      await t.until("the handlerError event", () => t.handlerErrors.length > 0);
      sameValue("handlerError events", t.handlerErrors.length, 1);
    },
  },
];

/** Read last of all: it looks at what every other case saw. */
export const errorReviewCases: readonly ConformanceCase[] = [
  {
    id: "ERR-14",
    title: "every error that this run saw has a published code, and none holds a credential",
    group: "review",
    clauses: ["F4", "G"],
    needs: [],
    isReview: true,
    async run(t) {
      const secrets = t.harness.secrets ?? [];
      if (t.prior.errors.length === 0) {
        t.isUnproven = true;
        t.note("no case of this run saw an error");
      }
      for (const error of t.prior.errors) {
        t.saw();
        if (!(error instanceof Error)) check(false, `something that is no Error was rejected with: ${show(error)}`);
        else if (error instanceof MessagingError) {
          check(CODES.has(error.code), `${error.name} has the code ${error.code}, which is not published`);
          check(typeof error.retryable === "boolean", `${error.name} does not say whether it is retryable`);
          check(error.message.length > 0, `${error.name} has no message`);
        }
        const text = wholeText(error);
        for (const secret of secrets) check(!text.includes(secret), "an error's message holds a credential");
      }
    },
  },
];
