/** A RabbitMQ of one's own for tests, which may be killed, frozen and started again, and what it says of itself. */
export { PrivateRabbit, type PrivateRabbitOptions } from "./private-rabbit/private-rabbit.js";
export {
  RabbitControl,
  type RabbitCoordinates,
  type RabbitPermissions,
  type RabbitUrlOptions,
} from "./private-rabbit/rabbit-control.js";
export type { BindingRow, ConnectionRow, ExchangeRow, QueueRow } from "./private-rabbit/rows.js";
export type { TlsFiles } from "./private-rabbit/tls-files.js";
