import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { localUrl, opened, runtimeDirectory } from "../support/transports.js";
import { until } from "../support/until.js";

/** Opens a transport that serves and calls itself, and closes it. */
async function openAndClose(url: string): Promise<void> {
  const transport = await opened(url);
  await transport.serve({ topic: "t", server: "a" }, [{ who: () => "a" }]);
  expect(await transport.client({ topic: "t" }).call("who")).toBe("a");
  await transport.close();
}

const TRANSPORTS = 20;
const DESCRIPTORS = "/proc/self/fd";

test.skipIf(process.platform !== "linux")(
  "transports that are opened and closed for ever use up no descriptors (E4)",
  async () => {
    const url = localUrl(await runtimeDirectory());
    await openAndClose(url);
    const before = readdirSync(DESCRIPTORS).length;
    for (let at = 0; at < TRANSPORTS; at++) await openAndClose(url);
    // libzmq's thread closes the last of them in its own time, and others of the process come and go: less than one each.
    await until(() => readdirSync(DESCRIPTORS).length < before + TRANSPORTS, "the descriptors are closed");
  },
);
