/** A child process of the kit with one peer of a load. Started by `RemotePeer`. */
import { openTransport } from "@trunkline/core";
import { Journal } from "./journal.js";
import { LocalPeer } from "./local-peer.js";
import type { PeerAnswer, PeerCommand } from "./remote-peer.js";

/** Does what the parent asks; the first command starts the peer. */
class PeerProcess {
  #peer: Promise<LocalPeer> | undefined;

  async obey(command: PeerCommand): Promise<unknown> {
    if (command.do === "start") {
      this.#peer = startPeer(command);
      await this.#peer;
      return undefined;
    }
    if (this.#peer === undefined) throw new Error("the peer was not started yet");
    const peer = await this.#peer;
    return command.do === "send" ? peer.send(command.traffic) : peer[command.do]();
  }
}

async function startPeer(command: Extract<PeerCommand, { do: "start" }>): Promise<LocalPeer> {
  const { name, url, resolveFrom, plan, life, journal } = command;
  const timeouts = { callTimeoutMs: plan.timeoutMs, sendTimeoutMs: plan.timeoutMs };
  const transport = await openTransport(url, { ...timeouts, ...(resolveFrom === undefined ? {} : { resolveFrom }) });
  return LocalPeer.start(name, transport, plan, life, journal === undefined ? undefined : new Journal(journal));
}

function start(): void {
  const peer = new PeerProcess();
  process.on("message", (message) => {
    // Only RemotePeer writes to this channel.
    const { number, command } = message as { number: number; command: PeerCommand };
    const answer = (given: Omit<PeerAnswer, "number">): void => {
      process.send?.({ number, ...given }, undefined, undefined, () => {
        if (command.do === "finish") process.disconnect();
      });
    };
    peer.obey(command).then(
      (value) => answer({ value }),
      (error: unknown) => answer({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    );
  });
}

start();
