/** What every engine promises, with each kind of security, and over the WebAssembly library too. */
import type { Engine, EngineOptions } from "../../src/engine/engine.js";
import { createEngine, type Kind, plain, sharedKey } from "../support/secured-engines.js";
import { engineSuite } from "./engine-suite.js";

type Create = (options: EngineOptions) => Engine;

const curved =
  (kind: Kind): Create =>
  (options) =>
    createEngine(kind, { ...options, security: sharedKey() });

/** Of two engines that a test makes, the first is of one kind and the second of the other, and so on. */
function inTurn(first: Create, second: Create): Create {
  let turn = 0;
  return (options) => (turn++ % 2 === 0 ? first(options) : second(options));
}

engineSuite("zmtp with CURVE", curved("zmtp"));
engineSuite("zmtp with CURVE over WebAssembly", (options) =>
  createEngine("zmtp", { ...options, security: sharedKey() }, "libsodium-wrappers"),
);
engineSuite("zmtp with PLAIN", (options) => createEngine("zmtp", { ...options, security: plain() }));
engineSuite("libzmq with CURVE", curved("libzmq"));
engineSuite("zmtp and libzmq in turn, with CURVE", inTurn(curved("zmtp"), curved("libzmq")));
engineSuite("libzmq and zmtp in turn, with CURVE", inTurn(curved("libzmq"), curved("zmtp")));
