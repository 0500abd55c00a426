import { built, type Child, runChild } from "./run-child.js";

const CORE = new URL("../../../core/dist/index.js", import.meta.url).href;

export interface ServerChildOptions {
  readonly url: string;
  readonly server: string;
  readonly concurrency?: number;
  readonly credit?: number;
}

/**
 * A process that serves topic `work`: `hold {id}` prints `began <id>` and returns once the process got SIGUSR2; `note {id}`
 * prints the same; `echo` answers at once. It prints `ready` first, and closes on SIGTERM.
 */
export function serverChild({ url, server, concurrency = 16, credit = 16 }: ServerChildOptions): Child {
  return runChild(`
    import { openTransport } from ${JSON.stringify(CORE)};
    import { driver } from ${JSON.stringify(built("index.js"))};
    import { writeSync } from "node:fs";
    const say = (line) => writeSync(1, line + "\\n");
    let release;
    const released = new Promise((resolve) => { release = resolve; });
    const transport = await openTransport(${JSON.stringify(url)}, { drivers: [driver] });
    await transport.serve({ topic: "work", server: ${JSON.stringify(server)} }, [{
      async hold({ id }) { say("began " + id); await released; return ${JSON.stringify(server)}; },
      note({ id }) { say("began " + id); },
      echo: (params) => ({ ...params, server: ${JSON.stringify(server)} }),
    }], { concurrency: ${concurrency}, credit: ${credit} });
    say("ready");
    process.once("SIGUSR2", () => release());
    process.once("SIGTERM", async () => { await transport.close(); process.exitCode = 0; });
  `);
}
