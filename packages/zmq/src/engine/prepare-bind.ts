import { ListenError } from "@trunkline/core/driver";
import { bindableHost, type EngineAddress, tcpAddress } from "./address.js";
import { ipcPathState, removeIpcFile } from "./ipc-path.js";

/** What libzmq is given to bind. @throws ListenError, or the system's error. */
export async function prepareBind(address: string, parsed: EngineAddress): Promise<string> {
  if (parsed.transport === "tcp") return tcpAddress(await bindableHost(parsed.host), parsed.port);
  // libzmq would take the path from a live owner without a word.
  const state = await ipcPathState(parsed.path);
  if (state === "live") {
    throw new ListenError(
      `cannot listen on ${address}: another process listens there; choose another path or stop that process`,
    );
  }
  if (state === "not-a-socket") {
    throw new ListenError(
      `cannot listen on ${address}: there is a file that is no socket; remove it or choose another path`,
    );
  }
  if (state === "stale") await removeIpcFile(parsed.path);
  return address;
}
