/** Trunkline's reference driver: brokerless ZeroMQ. */
export { createZmqDriver, driver, type ZmqDriverSettings } from "./zmq-factory.js";
