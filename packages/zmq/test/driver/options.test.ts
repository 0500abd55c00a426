import { parseTransportUrl, withOptions } from "@trunkline/core/driver";
import { expect, test } from "vitest";
import { driver } from "../../src/index.js";

test.each([
  ["security=tls", "option:security", "option security=tls: Invalid"],
  ["maxMessageBytes=abc", "option:maxMessageBytes", "option maxMessageBytes=abc: it must be a number"],
  ["poolLinks=1.5", "option:poolLinks", "option poolLinks=1.5: it must be a whole number"],
  ["heartbeatMs=1", "option:heartbeatMs", "option heartbeatMs=1: Too small: expected number to be >=50"],
  ["engine=zeromq", "option:engine", "option engine=zeromq: Invalid"],
])("zmq://?%s is told as it was written", (query, part, words) => {
  const read = () => withOptions(parseTransportUrl(`zmq://?${query}`), driver);
  expect(read).toThrow(expect.objectContaining({ part, message: expect.stringContaining(words) }));
});

test.each([
  "maxMessageBytes",
  "heartbeatMs",
  "heartbeatTimeoutMs",
  "discoveryMs",
  "idleMs",
  "poolLinks",
  "queueMessages",
  "queueMiB",
])("zmq://?%s= is no number, and not 0", (name) => {
  for (const nothing of ["", "%20"]) {
    const read = () => withOptions(parseTransportUrl(`zmq://?${name}=${nothing}`), driver);
    expect(read).toThrow(
      expect.objectContaining({ part: `option:${name}`, message: expect.stringContaining("it must be a number") }),
    );
  }
});
