import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openTransport, type Transport } from "@trunkline/core";
import { onTestFinished } from "vitest";

export const ENGINES = ["libzmq", "zmtp"] as const;
export type ZmqEngine = (typeof ENGINES)[number];

/** A runtime directory of a test's own, and the transports that are opened there. */
export interface ZmqPlace {
  readonly runtimeDir: string;
  /** What its transports have dropped of what came. */
  readonly dropped: readonly string[];
  /** `realm` is none by default; `query` is more of the URL. */
  open(options?: { readonly realm?: string; readonly query?: string }): Promise<Transport>;
  /** Over TCP: `peers` are dialled, and `bind` is where it serves. */
  openTcp(options: { readonly peers?: readonly string[]; readonly bind?: string }): Promise<Transport>;
}

/** All of it is closed and removed when the test has finished. */
export function zmqPlace(engine: ZmqEngine): ZmqPlace {
  const runtimeDir = mkdtempSync(join(tmpdir(), "trunkline-py-"));
  const transports: Transport[] = [];
  const dropped: string[] = [];
  onTestFinished(async () => {
    await Promise.all(transports.map((transport) => transport.close()));
    rmSync(runtimeDir, { recursive: true, force: true });
  });
  const openAt = async (url: string): Promise<Transport> => {
    const transport = await openTransport(url);
    transport.events.on("dropped", ({ reason }) => dropped.push(reason));
    transports.push(transport);
    return transport;
  };
  return {
    runtimeDir,
    dropped,
    open: ({ realm = "", query = "" } = {}) =>
      openAt(`zmq:///${realm}?engine=${engine}&runtimeDir=${encodeURIComponent(runtimeDir)}${query}`),
    openTcp({ peers = [], bind }) {
      const where = bind === undefined ? "" : `&bind=${bind}`;
      return openAt(`zmq://${peers.join(",")}?engine=${engine}${where}`);
    },
  };
}
