/** The systems, and what each promises as it is set up here: a rate says nothing without it. */
import { fileURLToPath } from "node:url";

const WORKER = fileURLToPath(new URL("./worker.mjs", import.meta.url));
const OSLO = fileURLToPath(new URL("./systems/oslo.py", import.meta.url));

/** Debian's packages are seen by the system's Python only, whatever other one is first on PATH. */
export const PYTHON = "/usr/bin/python3";

const inNode = (file) => (side, url, name) => [process.execPath, [WORKER, side, file, url, name]];
const inPython = (side, url, name) => [PYTHON, [OSLO, side, url, name]];

/** The program and the argument that say whether oslo.messaging can be imported. */
export const OSLO_CHECK = [OSLO, "check"];

/** The columns of what is promised, in the order in which they are shown. */
export const CALL_PROMISES = ["queue", "confirmed", "returned", "expires", "deadline", "acknowledged", "runs twice"];
export const CAST_PROMISES = ["queue", "message", "confirmed", "returned", "acknowledged", "runs twice"];

export const SYSTEMS = [
  {
    name: "amqplib",
    title: "amqplib by hand",
    package: "amqplib",
    command: inNode("amqplib.mjs"),
    calls: {
      queue: "durable, bounded",
      confirmed: "request, reply",
      returned: "request, reply",
      expires: "yes",
      deadline: "60 s",
      acknowledged: "reply confirmed",
      "runs twice": "no",
    },
    casts: {
      queue: "quorum, bounded",
      message: "persistent",
      confirmed: "yes",
      returned: "yes",
      acknowledged: "handled",
      "runs twice": "no",
    },
  },
  {
    name: "amqplib-bare",
    title: "amqplib by hand, bare",
    package: "amqplib",
    command: inNode("amqplib-bare.mjs"),
    calls: {
      queue: "transient",
      confirmed: "no",
      returned: "no",
      expires: "no",
      deadline: "none",
      acknowledged: "sent (no ack)",
      "runs twice": "no",
    },
    casts: {
      queue: "transient",
      message: "transient",
      confirmed: "no",
      returned: "no",
      acknowledged: "sent (no ack)",
      "runs twice": "no",
    },
  },
  {
    name: "rabbitmq-client",
    title: "rabbitmq-client",
    package: "rabbitmq-client",
    command: inNode("rabbitmq-client.mjs"),
    calls: {
      queue: "transient",
      confirmed: "request",
      returned: "no",
      expires: "yes",
      deadline: "30 s",
      acknowledged: "reply written",
      "runs twice": "after a crash",
    },
    casts: {
      queue: "durable",
      message: "transient",
      confirmed: "yes",
      returned: "no",
      acknowledged: "handled",
      "runs twice": "after a crash",
    },
  },
  {
    name: "nestjs",
    title: "NestJS RMQ",
    package: "@nestjs/microservices",
    command: inNode("nestjs.mjs"),
    calls: {
      queue: "transient",
      confirmed: "request, reply",
      returned: "no",
      expires: "no",
      deadline: "none",
      acknowledged: "sent (no ack)",
      "runs twice": "no",
    },
    casts: {
      queue: "transient",
      message: "transient",
      confirmed: "yes",
      returned: "no",
      acknowledged: "sent (no ack)",
      "runs twice": "no",
    },
  },
  {
    name: "oslo",
    title: "oslo.messaging (Python)",
    command: inPython,
    isPython: true,
    calls: {
      queue: "transient",
      confirmed: "request, reply",
      returned: "reply",
      expires: "yes",
      deadline: "60 s",
      acknowledged: "before it runs",
      "runs twice": "no",
    },
    casts: {
      queue: "transient",
      message: "persistent",
      confirmed: "yes",
      returned: "no",
      acknowledged: "before it runs",
      "runs twice": "no",
    },
  },
  {
    name: "trunkline",
    title: "trunkline rabbit://",
    package: "@trunkline/rabbit",
    command: inNode("trunkline.mjs"),
    isOurs: true,
    calls: {
      queue: "durable, bounded",
      confirmed: "request, reply",
      returned: "request, reply",
      expires: "yes",
      deadline: "60 s",
      acknowledged: "reply confirmed",
      "runs twice": "no",
    },
    casts: {
      queue: "quorum, bounded",
      message: "persistent",
      confirmed: "yes",
      returned: "yes",
      acknowledged: "handled",
      "runs twice": "no",
    },
  },
  {
    name: "trunkline-oslo",
    title: "trunkline rabbit+oslo://",
    package: "@trunkline/rabbit",
    command: inNode("trunkline-oslo.mjs"),
    isOurs: true,
    calls: {
      queue: "transient",
      confirmed: "request, reply",
      returned: "request, reply",
      expires: "yes",
      deadline: "60 s",
      acknowledged: "before it runs",
      "runs twice": "no",
    },
    casts: {
      queue: "transient",
      message: "persistent",
      confirmed: "yes",
      returned: "yes",
      acknowledged: "before it runs",
      "runs twice": "no",
    },
  },
];
