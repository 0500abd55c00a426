import { over } from "./trunkline-over.mjs";

export const { serve, connect } = over("libzmq");
