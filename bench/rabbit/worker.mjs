/**
 * The process that holds one side of one system: `node worker.mjs server|client FILE URL NAME`. NAME is the system's own, in
 * this run: its queues and topics begin with it.
 *
 * A server is asked { do: "handled", count }: it answers, with the time, when it has handled that many casts in all.
 * A client is asked { do: "measure", cell, ms }. Times are those of the machine's monotonic clock, in ms.
 */
import { measure } from "../lib/measure.mjs";
import { HandledCount } from "./handled-count.mjs";
import { serveLines } from "./lines.mjs";
import { monotonicMs } from "./monotonic-ms.mjs";

const [side, file, url, name] = process.argv.slice(2);
const casts = new HandledCount();
let open;

function cpuUs() {
  const { user, system } = process.cpuUsage();
  return user + system;
}

const ANSWERS = {
  cpu: async () => ({ cpuUs: cpuUs() }),

  handled: async ({ count }) => ({ atMs: await casts.until(count) }),

  async measure({ cell, ms }) {
    const before = cpuUs();
    const startedMs = monotonicMs();
    const load = { callers: cell.inFlight, payload: cell.payload, ms };
    const result = await measure({ call: open[cell.operation] }, load);
    return { ...result, startedMs, cpuUs: cpuUs() - before };
  },
};

await serveLines({
  start: async () => {
    const system = await import(`./systems/${file}`);
    open = side === "server" ? await system.serve(url, name, () => casts.add()) : await system.connect(url, name);
    return { ready: true };
  },
  answer: (question) => ANSWERS[question.do](question),
  end: () => open?.close(),
});
