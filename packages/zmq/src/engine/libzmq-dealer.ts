import type { Dealer } from "zeromq";
import { type EngineAddress, needsIpv6 } from "./address.js";
import type { EngineOptions } from "./engine.js";
import type { NativeContext } from "./native.js";
import { RECEIVE_HIGH_WATER_MARK, SEND_HIGH_WATER_MARK } from "./pipe-bounds.js";

/**
 * The socket is closed long before libzmq would reconnect it. Not -1, and not `immediate`: with either, libzmq drops what a
 * vanished peer had sent and was not read yet.
 */
const NEVER_MS = 3_600_000;

/** The socket of one dialled link. @throws the system's error where there are too few descriptors. */
export function createDealer(
  { native, context }: NativeContext,
  address: EngineAddress,
  options: EngineOptions,
  secured: Readonly<Record<string, string>>,
): Dealer {
  const { handshakeMs, heartbeatMs, heartbeatTimeoutMs, maxFrameBytes } = options;
  return new native.Dealer({
    context,
    ...secured,
    linger: 0,
    reconnectInterval: NEVER_MS,
    sendTimeout: 0,
    sendHighWaterMark: SEND_HIGH_WATER_MARK,
    receiveHighWaterMark: RECEIVE_HIGH_WATER_MARK,
    handshakeInterval: handshakeMs,
    connectTimeout: handshakeMs,
    heartbeatInterval: heartbeatMs,
    heartbeatTimeout: heartbeatTimeoutMs,
    heartbeatTimeToLive: heartbeatTimeoutMs,
    maxMessageSize: maxFrameBytes,
    ipv6: needsIpv6(address),
  });
}
