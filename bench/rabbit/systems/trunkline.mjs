/** This SDK over `rabbit://`: the whole path (client, payload check, deadline, dispatcher), no option set. */
import { trunklineOver } from "./trunkline-over.mjs";

export const { serve, connect } = trunklineOver("rabbit");
