import { afterEach } from "vitest";
import type { FakeBus } from "../../src/index.js";
import { controlsOf, Peer } from "./seam.js";

/** Opens transports and controls that are gone when the test is. To be called once, at the top of a test file. */
export function opening(): {
  open(...args: Parameters<typeof Peer.open>): Promise<Peer>;
  controls(bus: string): FakeBus;
} {
  const peers: Peer[] = [];
  const cleanups: (() => void)[] = [];
  afterEach(async () => {
    await Promise.all(peers.splice(0).map((peer) => peer.close()));
    for (const cleanup of cleanups.splice(0)) cleanup();
  });
  return {
    async open(...args) {
      const peer = await Peer.open(...args);
      peers.push(peer);
      return peer;
    },
    controls: (bus) => controlsOf(bus, (cleanup) => cleanups.push(cleanup)),
  };
}
