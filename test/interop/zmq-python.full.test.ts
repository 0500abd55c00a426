/** What the peer of examples/python-peer and this SDK do to each other, over both engines: addresses, credit, parting and death. */
import { ConnectionLostError, TimeoutError, UnreachableError, UnsupportedVersionError } from "@trunkline/core";
import { freePorts, until } from "@trunkline/core/testing";
import { expect, test } from "vitest";
import { PythonProgram, withPyzmq, ZMQ_PEER } from "../support/pyzmq.js";
import { ENGINES, zmqPlace } from "./support/zmq-place.js";

const failureOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => undefined,
    (error: unknown) => error,
  );

withPyzmq("who is meant, between Python and ours", { timeout: 60_000 }, () => {
  test.each(ENGINES)("a topic, a server, all of them, a version, over %s", async (engine) => {
    const place = zmqPlace(engine);
    const transport = await place.open();
    const python = new PythonProgram(ZMQ_PEER);
    const handled: string[] = [];
    for (const server of ["s1", "s2"]) {
      const endpoint = { whoami: () => ({ server }), note: () => void handled.push(server) };
      await transport.serve({ topic: "mixed", server }, [endpoint]);
      await python.ask("serve", { name: `py-${server}`, topic: "mixed", runtime_dir: place.runtimeDir });
    }
    await python.ask("connect", { name: "c", runtime_dir: place.runtimeDir });
    for (const server of ["s1", "s2", "py-s1", "py-s2"]) {
      const client = transport.client({ topic: "mixed", server });
      expect(await client.call("whoami", {})).toMatchObject({ server });
      const asked = { client: "c", topic: "mixed", method: "whoami", server };
      expect(await python.ask("call", asked)).toMatchObject({ server });
    }
    const client = transport.client({ topic: "mixed" });
    const names = new Set<unknown>();
    // One after another: what is sent in one turn of the event loop may go to one server (A2).
    for (let call = 0; call < 100; call++) names.add(((await client.call("whoami", {})) as { server: string }).server);
    expect(names).toEqual(new Set(["s1", "s2", "py-s1", "py-s2"]));
    await transport.client({ topic: "mixed", fanout: true }).fanout("note", { from: "ours" });
    expect(
      await python.ask("fanout", { client: "c", topic: "mixed", method: "note", params: { from: "python" } }),
    ).toBe(4);
    for (const name of ["py-s1", "py-s2"]) {
      const seen = await python.ask<{ params: { from: string } }[]>("seen", { name, count: 2 });
      expect(new Set(seen.map(({ params }) => params.from))).toEqual(new Set(["ours", "python"]));
    }
    await until(() => handled.length >= 4, { what: "both fanouts to be handled" });
    expect(handled.toSorted()).toEqual(["s1", "s1", "s2", "s2"]);
    const versioned = transport.client({ topic: "mixed", server: "py-s1", version: "2.0" });
    expect(await failureOf(versioned.call("whoami", {}))).toBeInstanceOf(UnsupportedVersionError);
    const asked = { client: "c", topic: "mixed", method: "whoami", server: "s1", version: "2.0" };
    expect(await python.raises("call", asked)).toMatchObject({ class: "RemoteError", type: "UnsupportedVersionError" });
  });

  test.each(ENGINES)("realms, exchanges and topics keep apart, over %s", async (engine) => {
    const place = zmqPlace(engine);
    const python = new PythonProgram(ZMQ_PEER);
    const at = { topic: 'to"p/íc', runtime_dir: place.runtimeDir };
    await python.ask("serve", { ...at, name: "red", realm: "red" });
    await python.ask("serve", { ...at, name: "blue", realm: "blue", exchange: "other" });
    const red = await place.open({ realm: "red" });
    expect(await red.client({ topic: at.topic }).call("whoami", {})).toMatchObject({ server: "red" });
    expect(await failureOf(red.client({ topic: at.topic, exchange: "other" }).call("whoami", {}))).toBeInstanceOf(
      UnreachableError,
    );
    const blue = await place.open({ realm: "blue" });
    expect(await failureOf(blue.client({ topic: at.topic }).call("whoami", {}))).toBeInstanceOf(UnreachableError);
    expect(await blue.client({ topic: at.topic, exchange: "other" }).call("whoami", {})).toMatchObject({
      server: "blue",
    });
  });

  test.each(ENGINES)("listed peers over TCP, with %s", async (engine) => {
    const place = zmqPlace(engine);
    const [ours, theirs] = (await freePorts(2)).map((port) => `127.0.0.1:${port}`);
    const python = new PythonProgram(ZMQ_PEER);
    await python.ask("serve", { name: "py", topic: "demo", bind: theirs });
    const transport = await place.openTcp({ peers: [theirs ?? ""], bind: ours ?? "" });
    await transport.serve({ topic: "ours", server: "s1" }, [{ echo: ({ value }: { value: unknown }) => value }]);
    expect(await transport.client({ topic: "demo" }).call("echo", { value: "there" })).toBe("there");
    await python.ask("connect", { name: "c", peers: [`tcp://${ours}`] });
    expect(await python.ask("many", { client: "c", topic: "ours", count: 50 })).toBe(50);
  });

  test.each(ENGINES)("a peer of another realm is refused by either side, over %s", async (engine) => {
    const place = zmqPlace(engine);
    const [port] = await freePorts(1);
    const python = new PythonProgram(ZMQ_PEER);
    await python.ask("serve", { name: "py", topic: "demo", bind: `127.0.0.1:${port}`, realm: "theirs" });
    const transport = await place.openTcp({ peers: [`127.0.0.1:${port}`] });
    expect(await failureOf(transport.client({ topic: "demo" }).call("echo", {}))).toBeInstanceOf(UnreachableError);
    const [own] = await freePorts(1);
    const server = await place.openTcp({ bind: `127.0.0.1:${own}` });
    await server.serve({ topic: "ours", server: "s1" }, [{ echo: () => 1 }]);
    await python.ask("connect", { name: "c", peers: [`tcp://127.0.0.1:${own}`], realm: "theirs" });
    const asked = { client: "c", topic: "ours", method: "echo" };
    expect(await python.raises("call", asked)).toMatchObject({ class: "Unreachable" });
    await until(() => place.dropped.some((reason) => reason.startsWith("realm: ")), { what: "the refusal to be told" });
  });
});

withPyzmq("credit, parting and death, between Python and ours", { timeout: 60_000 }, () => {
  test.each(ENGINES)("ten clients share what a server takes, over %s", async (engine) => {
    const place = zmqPlace(engine);
    const transport = await place.open();
    let running = 0;
    let most = 0;
    const echo = async ({ value }: { value: unknown }): Promise<unknown> => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      return value;
    };
    await transport.serve({ topic: "ours", server: "s1" }, [{ echo }], { concurrency: 2 });
    const python = new PythonProgram(ZMQ_PEER);
    const counts = await Promise.all(
      Array.from({ length: 10 }, async (_, index) => {
        await python.ask("connect", { name: `c${index}`, runtime_dir: place.runtimeDir });
        return python.ask<number>("many", { client: `c${index}`, topic: "ours", count: 40 });
      }),
    );
    expect(counts).toEqual(counts.map(() => 40));
    expect(most).toBeLessThanOrEqual(2);
    expect(place.dropped).toEqual([]);
  });

  test.each(ENGINES)(
    "a call with a monitor outlives it while the Python server beats, and one without an answer is cancelled, over %s",
    async (engine) => {
      const place = zmqPlace(engine);
      const python = new PythonProgram(ZMQ_PEER);
      await python.ask("serve", { name: "py", topic: "demo", runtime_dir: place.runtimeDir });
      const client = (await place.open()).client({ topic: "demo" });
      const gone = await failureOf(client.call("hold", {}, { timeoutMs: 300 }));
      expect(gone).toBeInstanceOf(TimeoutError);
      const held = client.call("hold", {}, { timeoutMs: 30_000, monitorMs: 300 });
      const another = await failureOf(client.call("hold", {}, { timeoutMs: 1_500 }));
      expect(another).toBeInstanceOf(TimeoutError);
      await python.ask("release", { name: "py" });
      expect(await held).toBe("py");
      expect(await client.call("echo", { value: 1 })).toBe(1);
    },
  );

  test.each(ENGINES)(
    "servers of Python that stop and start under load fail no call of ours, over %s",
    async (engine) => {
      const place = zmqPlace(engine);
      const python = new PythonProgram(ZMQ_PEER);
      const at = { topic: "demo", runtime_dir: place.runtimeDir };
      await python.ask("serve", { ...at, name: "a0" });
      const client = (await place.open()).client({ topic: "demo" });
      let isOver = false;
      let answered = 0;
      const load = Array.from({ length: 8 }, async (_, caller) => {
        for (let number = 0; !isOver; number++) {
          const value = `${caller}-${number}`;
          expect(await client.call("echo", { value })).toBe(value);
          answered++;
        }
      });
      for (let round = 0; round < 5; round++) {
        await python.ask("serve", { ...at, name: `a${round + 1}` });
        const before = answered;
        await until(() => answered > before + 50, { what: "calls to be answered meanwhile" });
        await python.ask("stop", { name: `a${round}` });
      }
      isOver = true;
      await Promise.all(load);
      expect(place.dropped).toEqual([]);
    },
  );

  test.each(ENGINES)(
    "a server of ours that stops under load fails no call and no cast of Python, over %s",
    async (engine) => {
      const place = zmqPlace(engine);
      const noted: unknown[] = [];
      const endpoint = {
        echo: ({ value }: { value: unknown }) => value,
        note: ({ id }: { id: unknown }) => void noted.push(id),
      };
      const first = await place.open();
      const second = await place.open();
      const server = await first.serve({ topic: "ours", server: "s1" }, [endpoint]);
      const python = new PythonProgram(ZMQ_PEER);
      await python.ask("connect", { name: "c", runtime_dir: place.runtimeDir });
      const calls = python.ask("many", { client: "c", topic: "ours", count: 200 });
      const casts = python.ask("casts", { client: "c", topic: "ours", count: 200 });
      await until(() => noted.length > 20, { what: "some casts to be handled" });
      await second.serve({ topic: "ours", server: "s2" }, [endpoint]);
      await server.stop();
      expect(await calls).toBe(200);
      await casts;
      await until(() => noted.length >= 200, { what: "all casts to be handled" });
      expect(noted.toSorted((one, other) => Number(one) - Number(other))).toEqual(
        Array.from({ length: 200 }, (_, id) => id),
      );
      await python.ask("close", { client: "c" });
      expect(place.dropped).toEqual([]);
    },
  );

  test.each(ENGINES)("a killed Python server fails what was under way, and its records go, over %s", async (engine) => {
    const place = zmqPlace(engine);
    const python = new PythonProgram(ZMQ_PEER);
    await python.ask("serve", { name: "py", topic: "demo", runtime_dir: place.runtimeDir });
    const client = (await place.open()).client({ topic: "demo" });
    const held = failureOf(client.call("hold", { id: 1 }));
    await python.ask("seen", { name: "py", count: 1 });
    await python.kill();
    const lost = await held;
    expect(lost).toBeInstanceOf(ConnectionLostError);
    expect(lost).toMatchObject({ mayHaveRun: true });
    expect(await failureOf(client.call("echo", {}))).toBeInstanceOf(UnreachableError);
    const next = new PythonProgram(ZMQ_PEER);
    await next.ask("serve", { name: "py2", topic: "demo", runtime_dir: place.runtimeDir });
    expect(await client.call("whoami", {})).toMatchObject({ server: "py2" });
  });

  test.each(ENGINES)("a killed client of Python frees what it held of our server, over %s", async (engine) => {
    const place = zmqPlace(engine);
    const transport = await place.open();
    let begun = 0;
    const aborted: unknown[] = [];
    const hold = async (_: unknown, { signal }: { signal: AbortSignal }): Promise<void> => {
      begun++;
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
      aborted.push(signal.reason);
    };
    const endpoint = { hold, echo: ({ value }: { value: unknown }) => value };
    await transport.serve({ topic: "ours", server: "s1" }, [endpoint], { concurrency: 2 });
    const python = new PythonProgram(ZMQ_PEER);
    await python.ask("connect", { name: "c", runtime_dir: place.runtimeDir });
    for (let n = 0; n < 2; n++) void failureOf(python.ask("call", { client: "c", topic: "ours", method: "hold" }));
    await until(() => begun === 2, { what: "both calls to begin" });
    await python.kill();
    await until(() => aborted.length === 2, {
      what: "both handlers to hear that their caller is gone",
      withinMs: 20_000,
    });
    expect(await (await place.open()).client({ topic: "ours" }).call("echo", { value: 1 })).toBe(1);
  });

  test.each(ENGINES)("a Python server hears that a client of ours is gone, over %s", async (engine) => {
    const place = zmqPlace(engine);
    const python = new PythonProgram(ZMQ_PEER);
    await python.ask("serve", { name: "py", topic: "demo", runtime_dir: place.runtimeDir });
    const transport = await place.open();
    await transport.client({ topic: "demo" }).call("echo", { value: 1 });
    expect(await python.ask("sessions", { name: "py" })).toBe(1);
    await transport.close();
    let sessions = 1;
    const ask = async (): Promise<void> => {
      while (sessions > 0) sessions = await python.ask<number>("sessions", { name: "py" });
    };
    await ask();
    expect(sessions).toBe(0);
  });
});
