import type { OsloTopologyOptions } from "../../src/topology/oslo-naming.js";

/** oslo.messaging's defaults. */
export const OSLO_TOPOLOGY: OsloTopologyOptions = {
  amqp_durable_queues: false,
  amqp_auto_delete: false,
  rabbit_ha_queues: false,
  rabbit_quorum_queue: false,
  rabbit_quorum_delivery_limit: 0,
  rabbit_quorum_max_memory_length: 0,
  rabbit_quorum_max_memory_bytes: 0,
  rabbit_transient_quorum_queue: false,
  rabbit_transient_queues_ttl: 1_800,
  enable_cancel_on_failover: false,
  use_queue_manager: false,
  hostname: "host1",
  processname: "nova",
};
