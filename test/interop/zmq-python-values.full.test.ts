/** Values between the peer of examples/python-peer and this SDK, over both engines. */
import { RemoteError } from "@trunkline/core";
import { expect, test } from "vitest";
import { PythonProgram, withPyzmq, ZMQ_PEER } from "../support/pyzmq.js";
import { ENGINES, zmqPlace } from "./support/zmq-place.js";

const MIB = 1024 * 1024;
const failureOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => undefined,
    (error: unknown) => error,
  );

/** What MessagePack has another form for, at each bound. */
const NUMBERS = [
  ...[0, 1, 127, 128, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER],
  ...[-1, -32, -33, -128, -129, -32_768, -32_769, -(2 ** 31), -(2 ** 31) - 1, Number.MIN_SAFE_INTEGER],
  ...[0.5, -2.25, 1e-300, 1.7976931348623157e308],
];
const LENGTHS = [0, 1, 15, 16, 31, 32, 255, 256, 65_535, 65_536];

withPyzmq("values between Python and ours", { timeout: 60_000 }, () => {
  test.each(ENGINES)("of every kind and length go there and back over %s", async (engine) => {
    const place = zmqPlace(engine);
    const python = new PythonProgram(ZMQ_PEER);
    await python.ask("serve", { name: "py", topic: "demo", runtime_dir: place.runtimeDir });
    const client = (await place.open()).client({ topic: "demo" });
    const echo = (value: unknown): Promise<unknown> => client.call("echo", { value: value as never });
    expect(await echo(NUMBERS)).toEqual(NUMBERS);
    for (const length of LENGTHS) {
      const texts = { text: "x".repeat(length), wide: "ž".repeat(length), bytes: new Uint8Array(length).fill(7) };
      expect(await echo(texts)).toEqual(texts);
      const list = Array.from({ length }, (_, index) => index % 100);
      expect(await echo(list)).toEqual(list);
      const map = Object.fromEntries(list.map((item, index) => [`k${index}`, item]));
      expect(await echo(map)).toEqual(map);
    }
    for (const big of [0n, 1n, -1n, 2n ** 53n, -(2n ** 64n), 10n ** 300n]) {
      const back = await echo(big);
      // Python has one kind of integer: what is small comes back as a number.
      expect(BigInt(back as bigint)).toBe(big);
    }
    for (const when of [0, 5, -1, 1e12, 2 ** 34 * 1_000, -62_135_596_800_000]) {
      expect(await echo(new Date(when))).toEqual(new Date(when));
    }
    const deep = JSON.parse(`${"[".repeat(900)}${"]".repeat(900)}`);
    expect(await echo(deep)).toEqual(deep);
    expect(await echo({ emoji: "🐎\u0000\n\u2028" })).toEqual({ emoji: "🐎\u0000\n\u2028" });
    expect(place.dropped).toEqual([]);
  });

  test.each(ENGINES)("that Python sends, among them bytes, times and large integers, over %s", async (engine) => {
    const place = zmqPlace(engine);
    const seen: unknown[] = [];
    await (await place.open()).serve({ topic: "demo", server: "s1" }, [
      {
        echo: ({ value }: { value: unknown }) => {
          seen.push(value);
          return value;
        },
      },
    ]);
    const python = new PythonProgram(ZMQ_PEER);
    await python.ask("connect", { name: "c", runtime_dir: place.runtimeDir });
    const values = [
      [{ $bytes: "00ff10" }, new Uint8Array([0, 255, 16])],
      [{ $time: 1_700_000_000_123 }, new Date(1_700_000_000_123)],
      [{ $int: String(2n ** 80n) }, 2n ** 80n],
      [{ $int: String(-(2n ** 64n)) }, -(2n ** 64n)],
      [NUMBERS, NUMBERS],
    ] as const;
    for (const [sent, expected] of values) {
      expect(await python.ask("call", { client: "c", topic: "demo", method: "echo", params: { value: sent } })).toEqual(
        sent,
      );
      expect(seen.at(-1)).toEqual(expected);
    }
  });

  test.each(ENGINES)(
    "of 10 MiB go both ways over %s, and what is larger than a side takes is refused",
    async (engine) => {
      const place = zmqPlace(engine);
      const python = new PythonProgram(ZMQ_PEER);
      await python.ask("serve", { name: "py", topic: "demo", runtime_dir: place.runtimeDir });
      const transport = await place.open();
      await transport.serve({ topic: "ours", server: "s1" }, [{ size: ({ text }: { text: string }) => text.length }]);
      const client = transport.client({ topic: "demo" });
      const bytes = new Uint8Array(10 * MIB).fill(9);
      const back = (await client.call("echo", { value: bytes })) as Uint8Array;
      expect(Buffer.compare(back, bytes)).toBe(0);
      const small = (await place.open({ query: `&maxMessageBytes=${MIB}` })).client({ topic: "demo" });
      expect(await failureOf(small.call("large", { bytes: 2 * MIB }))).toMatchObject({ code: "ERR_MESSAGE_TOO_LARGE" });
      expect(await small.call("echo", { value: 1 })).toBe(1);
      await python.ask("connect", { name: "c", runtime_dir: place.runtimeDir });
      const ask = (length: number) => ({
        client: "c",
        topic: "ours",
        method: "size",
        params: { text: { $text: length } },
      });
      expect(await python.ask("call", ask(10 * MIB))).toBe(10 * MIB);
      expect(await python.raises("call", ask(17 * MIB))).toMatchObject({ class: "ValueError" });
    },
  );

  test.each(ENGINES)("that cannot travel fail where they are, over %s", async (engine) => {
    const place = zmqPlace(engine);
    const python = new PythonProgram(ZMQ_PEER);
    await python.ask("serve", { name: "py", topic: "demo", runtime_dir: place.runtimeDir });
    const client = (await place.open()).client({ topic: "demo" });
    for (const [which, type] of [
      ["set", "TypeError"],
      ["surrogate", "UnicodeEncodeError"],
      ["infinite", "ValueError"],
    ]) {
      expect(await failureOf(client.call("bad", { which: which ?? "" }))).toMatchObject({ type });
    }
    const failed = await failureOf(client.call("fail", { message: "žádný" }));
    expect(failed).toBeInstanceOf(RemoteError);
    expect(failed).toMatchObject({
      type: "LookupError",
      module: "builtins",
      remoteStack: expect.stringContaining("in fail"),
    });
    expect(await failureOf(client.call("_private", {}))).toMatchObject({ code: "ERR_NO_SUCH_METHOD" });
  });
});
