import { InvalidTransportUrlError, type TransportUrl } from "@trunkline/core/driver";
import { LocalMatchmaker } from "./local-matchmaker.js";
import type { Matchmaker } from "./matchmaker.js";
import { checkBind, StaticMatchmaker, standingPeersOf } from "./static-matchmaker.js";

/** The options of a `zmq` URL that a matchmaker heeds. */
export interface MatchmakerSettings {
  readonly bind?: string | undefined;
  readonly security?: string | undefined;
  readonly runtimeDir?: string | undefined;
  /** Hears of input that was left aside, such as a file that is no record (F1). */
  readonly onDropped?: ((reason: string, where: string) => void) | undefined;
}

/**
 * The matchmaker that a URL asks for: static where it has hosts or `bind`, else the one of this machine. No I/O.
 * @throws InvalidTransportUrlError, whose `part` says what is wrong.
 */
export function createMatchmaker(url: TransportUrl, settings: MatchmakerSettings): Matchmaker {
  const { bind, security, runtimeDir, onDropped } = settings;
  if (url.variant !== undefined) {
    throw new InvalidTransportUrlError(
      `zmq+${url.variant} is no variant of this driver: it has zmq:// (processes of this machine) and ` +
        "zmq://HOST:PORT,HOST:PORT?bind=HOST:PORT (listed peers)",
      "variant",
    );
  }
  if (url.hosts.length === 0 && bind === undefined) return new LocalMatchmaker({ runtimeDir, onDropped });
  if (runtimeDir !== undefined) {
    throw new InvalidTransportUrlError(
      "runtimeDir is for zmq:// without hosts and bind: listed peers are not looked up in a directory; remove it",
      "option:runtimeDir",
    );
  }
  return new StaticMatchmaker(
    standingPeersOf(url, security),
    bind === undefined ? undefined : checkBind(bind, security),
  );
}
