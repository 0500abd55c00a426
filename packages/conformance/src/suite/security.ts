import { AuthError, ConnectError, MessagingError } from "@trunkline/core";
import type { ConformanceCase } from "../case.js";
import { atMost, check, fail, sameValue, wholeText } from "../check.js";
import type { CaseContext } from "../context.js";
import type { TransportRequest } from "../harness.js";
import { rpcProbe } from "../probes.js";

/** F3, F4: who is let in, over what, and that nobody is told the password. */
export const securityCases: readonly ConformanceCase[] = [
  {
    id: "SEC-01",
    title: "a wrong password: openTransport is an AuthError at once, and is not tried again until the time is over",
    group: "security",
    clauses: ["F3", "E1", "G"],
    needs: ["auth", "ability:credentials"],
    async run(t) {
      const began = performance.now();
      const patience = t.ms(15_000);
      const request = { credentials: "wrong", options: { connectTimeoutMs: patience } } as const;
      const error = await t.rejects("open with a wrong password", opening(t, request), AuthError);
      // Less than the time that it was given: who is refused does not knock on.
      atMost("milliseconds until it was refused", performance.now() - began, patience / 2);
      check(error.message.length > 0, "the error says nothing");
    },
  },
  {
    id: "SEC-02",
    title: "a password with %, :, @, / and letters beyond ASCII: it works, and no error tells it",
    group: "security",
    clauses: ["F3", "F4"],
    needs: ["rpc", "auth", "ability:credentials"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      await t.serve(await t.open(), { topic, server: "s1" }, rpcProbe(history, "s1"));
      const transport = await t.openBy({ credentials: "awkward" });
      const client = transport.client({ topic });
      await history.record("m1", [["s1"]], () => client.call("echo", { id: "m1" }));
      // For the review of all errors at the end of the run (ERR-14), which knows the passwords.
      await t.rejects("a call to nobody", client.to({ topic: t.name("nobody") }).call("echo"), MessagingError);
      const shown = wholeText(transport);
      for (const secret of t.harness.secrets ?? []) {
        check(!shown.includes(secret), "a transport that is printed shows the password");
      }
      await t.verify(history);
    },
  },
  {
    id: "SEC-03",
    title:
      "TLS: right, it works; with another authority, another host's name, or without TLS at its port, nobody gets in",
    group: "security",
    clauses: ["F3", "G"],
    needs: ["rpc", "tls", "ability:tls"],
    timeoutMs: 40_000,
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      await t.serve(await t.openBy({ tls: "good" }), { topic, server: "s1" }, rpcProbe(history, "s1"));
      const client = (await t.openBy({ tls: "good" })).client({ topic });
      const reply = await history.record("m1", [["s1"]], () => client.call("echo", { id: "m1" }));
      sameValue("the reply", reply, { by: "s1", params: { id: "m1" } });
      const options = { connectTimeoutMs: t.ms(1_500) };
      for (const tls of ["wrong-authority", "wrong-host"] as const) {
        await t.rejects(`open with TLS: ${tls}`, opening(t, { tls, options }), AuthError);
      }
      await t.rejects("open without TLS at the port for it", opening(t, { tls: "plain", options }), ConnectError);
      await t.verify(history);
    },
  },
];

/** An opening that must fail. Where it does not, the transport is closed with the case. */
async function opening(t: CaseContext, request: Partial<TransportRequest>): Promise<never> {
  const transport = await t.attempt(request);
  t.adopt(transport);
  return fail("it opened");
}
