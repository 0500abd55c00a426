/** What of notifications applications import, by core's main entry. */
export type { BatchOptions } from "./batch.js";
export { type ContextFilter, onlyContextKeys, withoutSecrets } from "./context-filter.js";
export {
  type BatchNotificationEndpoint,
  type BatchNotificationHandler,
  type NotificationCall,
  type NotificationEndpoint,
  type NotificationHandler,
  type NotificationResult,
  REQUEUE,
} from "./endpoint.js";
export type { NotificationFilter, Pattern } from "./filter.js";
export type { NotificationListenerOptions } from "./listener-options.js";
export type { NotificationEvent } from "./notification.js";
export type { NotificationListener } from "./notification-listener.js";
export type { EmitOptions, Notified, Notifier } from "./notifier.js";
export type { NotifierChanges, NotifierOptions } from "./notifier-options.js";
export type { NotifyWarning } from "./ports.js";
export { createRoutingSink, openRoutingSink, type RoutingRule, type RoutingRules } from "./routing-sink.js";
export type { Emission, NotificationSink } from "./sink.js";
export {
  createLogSink,
  createMessagingSink,
  createNoopSink,
  createTestSink,
  type RecordedNotification,
  type TestSink,
} from "./sinks.js";
