/** This SDK over `rabbit+oslo://`: the names and the defaults of oslo.messaging, no option set. */
import { trunklineOver } from "./trunkline-over.mjs";

export const { serve, connect } = trunklineOver("rabbit+oslo");
