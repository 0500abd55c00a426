import { expect, test } from "vitest";
import { built, runChild } from "../support/run-child.js";
import { localUrl, opened, runtimeDirectory } from "../support/transports.js";

/** A process that serves and calls over one engine, and counts the modules of the add-on that it has then. */
const program = (url: string, print: string): string => `
  import { createRequire } from "node:module";
  import { openTransport } from ${JSON.stringify(import.meta.resolve("@trunkline/core"))};
  import { driver } from ${JSON.stringify(built("index.js"))};
  const transport = await openTransport(${JSON.stringify(url)}, { drivers: [driver] });
  await transport.serve({ topic: "t", server: "s" }, [{ echo: (params) => params }]);
  const { a } = await transport.client({ topic: "t" }).call("echo", { a: 1 });
  await transport.close();
  const require = createRequire(${JSON.stringify(built("index.js"))});
  const modules = Object.keys(require.cache).filter((path) => path.includes("zeromq")).length;
  ${print}(JSON.stringify([a, modules > 0]));
`;

test.each([
  ["libzmq", true],
  ["zmtp", false],
] as const)("with engine=%s the native add-on is loaded: %s", async (engine, isLoaded) => {
  const url = localUrl(await runtimeDirectory(), `engine=${engine}`);
  const child = runChild(program(url, "console.log"));
  expect(JSON.parse(await child.line())).toEqual([1, isLoaded]);
  expect(await child.ended).toEqual({ code: 0, signal: null, stderr: "" });
});

test("with engine=zmtp a transport can be opened in a worker thread", async () => {
  const url = localUrl(await runtimeDirectory(), "engine=zmtp");
  const child = runChild(`
    import { Worker } from "node:worker_threads";
    const source = ${JSON.stringify(program(url, "parentPort.postMessage"))};
    const worker = new Worker(new URL("data:text/javascript," + encodeURIComponent(
      'import { parentPort } from "node:worker_threads";' + source,
    )));
    worker.on("message", (message) => { console.log(message); worker.terminate(); });
  `);
  expect(JSON.parse(await child.line())).toEqual([1, false]);
  expect(await child.ended).toEqual({ code: 0, signal: null, stderr: "" });
});

test("processes with different engines call each other", async () => {
  const directory = await runtimeDirectory();
  const engines = ["libzmq", "zmtp"];
  const transports = await Promise.all(engines.map((engine) => opened(localUrl(directory, `engine=${engine}`))));
  for (const [index, transport] of transports.entries()) {
    await transport.serve({ topic: "t", server: engines[index] ?? "" }, [{ who: () => engines[index] }]);
  }
  for (const transport of transports) {
    for (const server of engines) expect(await transport.client({ topic: "t", server }).call("who")).toBe(server);
  }
});

test("the time after which a silent peer is lost follows the engine, where the URL does not say", async () => {
  const directory = await runtimeDirectory();
  const detectionMs = async (query: string): Promise<number> =>
    (await opened(localUrl(directory, query))).capabilities.detectionMs;
  expect(await detectionMs("")).toBe(17_000);
  expect(await detectionMs("engine=libzmq")).toBe(5_000);
  expect(await detectionMs("heartbeatTimeoutMs=3000")).toBe(5_000);
  expect(await detectionMs("engine=libzmq&heartbeatTimeoutMs=15000")).toBe(17_000);
});
