/** Trunkline's driver for RabbitMQ. */
export { driver } from "./rabbit-factory.js";
