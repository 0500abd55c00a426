import type { Engine, EngineOptions } from "../../src/engine/engine.js";
import { createLibzmqEngine } from "../../src/engine/libzmq-engine.js";
import { createZmtpEngine } from "../../src/engine/zmtp-engine.js";
import { engineSuite } from "./engine-suite.js";

type Create = (options: EngineOptions) => Engine;

/** Of two engines that a test makes, the first is of one kind and the second of the other, and so on. */
function inTurn(first: Create, second: Create): Create {
  let turn = 0;
  return (options) => (turn++ % 2 === 0 ? first(options) : second(options));
}

engineSuite("zmtp and libzmq in turn", inTurn(createZmtpEngine, createLibzmqEngine));
engineSuite("libzmq and zmtp in turn", inTurn(createLibzmqEngine, createZmtpEngine));
engineSuite(
  "zmtp and a libzmq without its draft options in turn",
  inTurn(createZmtpEngine, (options) => createLibzmqEngine({ ...options, seesDepartures: false })),
);
