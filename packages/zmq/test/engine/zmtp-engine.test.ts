import { createZmtpEngine } from "../../src/engine/zmtp-engine.js";
import { engineSuite } from "./engine-suite.js";

engineSuite("zmtp", createZmtpEngine);
