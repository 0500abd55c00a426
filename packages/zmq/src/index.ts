/** Trunkline's reference driver: brokerless ZeroMQ. */
export { type CurveKeyPair, generateCurveKeyPair } from "./security/curve-key.js";
export type { Secrets } from "./security/read-security.js";
export { createZmqDriver, driver, type ZmqDriverSettings } from "./zmq-factory.js";
