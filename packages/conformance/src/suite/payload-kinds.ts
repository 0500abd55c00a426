import { type BooleanCapability, NotSupportedError, SerializationError, type Value } from "@trunkline/core";
import type { ConformanceCase } from "../case.js";
import { check, sameValue } from "../check.js";
import type { CaseContext } from "../context.js";
import { rpcProbe } from "../probes.js";
import { describeWrongError } from "../wrong-error.js";

const ALL_BYTES = Uint8Array.from({ length: 256 }, (_, value) => value);

/** What each kind beyond JSON's is claimed by, with values that are hard to get right. */
const KINDS: readonly {
  readonly key: BooleanCapability & ("binary" | "bigint" | "date");
  readonly held: string;
  readonly refused: string;
  readonly title: string;
  readonly values: readonly Value[];
}[] = [
  {
    key: "binary",
    held: "PAY-03",
    refused: "PAY-R1",
    title: "bytes: all 256 values, none, a view with an offset, a Buffer",
    values: [
      ALL_BYTES,
      new Uint8Array(0),
      ALL_BYTES.subarray(100, 110),
      Buffer.from("a Buffer"),
      new Uint8Array(70_000).fill(7),
    ],
  },
  {
    key: "bigint",
    held: "PAY-13",
    refused: "PAY-R2",
    title: "bigint: small ones, and those that no double can hold",
    values: [0n, 1n, -1n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 64n, -(2n ** 200n) - 1n],
  },
  {
    key: "date",
    held: "PAY-12",
    refused: "PAY-R3",
    title: "Date: the epoch, before it, milliseconds, the first and the last",
    values: [0, -1, 1_753_000_000_123, 8.64e15, -8.64e15].map((ms) => new Date(ms)),
  },
];

/** Each value there and back, alone and inside other values. */
async function held(t: CaseContext, values: readonly Value[]): Promise<void> {
  const topic = t.name("values");
  const got: unknown[] = [];
  const mirror = ({ value }: { value: Value }): Value => {
    got.push(value);
    return value;
  };
  await t.serve(await t.open(), { topic, server: "s1" }, { mirror });
  const client = (await t.open()).client({ topic });
  for (const value of [...values, [...values], { deep: { values } }]) {
    const reply = await t.within("a call", client.call("mirror", { value }));
    t.saw();
    sameValue("at the handler", got.at(-1), value);
    sameValue("back at the caller", reply, value);
  }
}

/** Each value is refused by call, cast and event; what is sent without it arrives. */
async function refused(t: CaseContext, key: string, values: readonly Value[]): Promise<void> {
  const history = t.history();
  const topic = t.name("values");
  const endpoint = { ...rpcProbe(history, "s1"), make: () => values[0] };
  await t.serve(await t.open(), { topic, server: "s1" }, endpoint);
  const transport = await t.open();
  const client = transport.client({ topic });
  for (const value of values) {
    const params = { id: "refused", deep: [{ value }] };
    const asks = [() => client.call("echo", params), () => client.cast("note", params)];
    if (t.claims.events) {
      const notifier = transport.notifier({ publisherId: "kit", topics: [topic] });
      asks.push(() => notifier.info("kit.value", params));
    }
    for (const ask of asks) {
      const error = await t.refuses(`sending ${typeof value}`, ask, NotSupportedError);
      sameValue("the capability", error.capability, key);
      sameValue("the driver", error.driver, transport.driverName);
    }
  }
  // On the way back it is what a handler returned, and the caller is told so.
  const reply = await t.rejects("a result of this kind", client.call("make"), Error);
  check(
    reply instanceof SerializationError || reply instanceof NotSupportedError,
    `a result of this kind: ${describeWrongError(reply, SerializationError, NotSupportedError)}`,
  );
  await history.record("m1", [["s1"]], () => client.call("echo", { id: "m1" }));
  await t.verify(history);
}

/** D2: bytes, bigint and Date survive where the manifest claims them, and are refused where it does not. */
export const payloadKindCases: readonly ConformanceCase[] = KINDS.flatMap(
  ({ key, held: id, refused: refusal, title, values }) => [
    {
      id,
      title: `${title}: there and back`,
      group: "payloads" as const,
      clauses: ["D2"],
      needs: ["rpc" as const, key],
      run: (t: CaseContext) => held(t, values),
    },
    {
      id: refusal,
      title: `${key} not claimed: refused at the sender, in no other guise, and nobody gets it`,
      group: "payloads" as const,
      clauses: ["D2", "H"],
      needs: ["rpc" as const, `!${key}` as const],
      run: (t: CaseContext) => refused(t, key, values),
    },
  ],
);
