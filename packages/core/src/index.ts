/** What applications import. */
export {
  type Acceptance,
  type BooleanCapability,
  CAPABILITY_KEYS,
  type Capabilities,
} from "./capabilities.js";
export * from "./errors.js";
export type { Clock, Logger, Timer, TypedEvents } from "./host.js";
export * from "./notify/exports.js";
export { openTransport, type TransportOptions } from "./open-transport.js";
export type { Requirements } from "./refusal.js";
export { RpcClient } from "./rpc/client.js";
export type { CallOptions, ClientOptions, ClientOverrides } from "./rpc/client-options.js";
export { type EndpointTarget, type Exposure, expose, type Handler } from "./rpc/endpoint.js";
export type { ErrorClass } from "./rpc/remote-error.js";
export type { RetryPolicy } from "./rpc/retry.js";
export { RpcServer } from "./rpc/server.js";
export type { ServerCall } from "./rpc/server-call.js";
export type { ServerOptions } from "./rpc/server-options.js";
export {
  type DriverEvents,
  type DriverFactory,
  type DriverState,
  type DriverStats,
  PRIORITIES,
  type Priority,
  type Receipt,
} from "./seam.js";
export type { Serializer } from "./serializer.js";
export type { Target } from "./target.js";
export { Transport } from "./transport.js";
export type { HandlerErrorReport, TransportEvents } from "./transport-core.js";
export type { TransportUrl, TransportUrlHost } from "./transport-url.js";
export type { JsonObject, Value } from "./value.js";
