/**
 * One driver under the conformance kit, in a process of its own: what it leaves open, or takes down with it, meets no other.
 * Started by `scripts/conformance.mjs`, to which it tells each case and then the report.
 */
import { ALL_CASES, runConformance, stressCases } from "@trunkline/conformance";
import { harnessOf } from "./conformance-drivers.mjs";

const [name, given] = process.argv.slice(2);
const { only, seed, strict, stress } = JSON.parse(given);
const interrupted = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => interrupted.abort(signal));

const tell = (message) => new Promise((resolve) => process.send(message, resolve));

try {
  const report = await runConformance({
    harness: await harnessOf(name),
    strict,
    ...(stress === undefined ? {} : { cases: [...ALL_CASES, ...stressCases({ seconds: stress })] }),
    signal: interrupted.signal,
    ...(seed === undefined ? {} : { seed }),
    ...(only === undefined ? {} : { only: new RegExp(only) }),
    onStart: ({ id, group, title }, { done, total }) => void tell({ what: "start", id, group, title, done, total }),
    onResult: ({ id, verdict, title, detail }, { done, total }) =>
      void tell({ what: "result", id, verdict, title, detail, done, total }),
  });
  await tell({ what: "report", report });
} catch (error) {
  await tell({ what: "error", text: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  process.exitCode = 1;
}
process.disconnect();
