/** What a driver imports: the seam, the errors, and the helpers that every driver needs and none should write again. */
export * from "./capabilities.js";
export { resolveDriver } from "./driver-registry.js";
export * from "./errors.js";
export * from "./host.js";
export { type BackoffOptions, backoffDelayMs, resolveBackoff } from "./kit/backoff.js";
export { Beats } from "./kit/beats.js";
export { type Connection, type ConnectionEvent, FIRST_CONNECTION, nextConnection } from "./kit/connection-state.js";
export { Credit } from "./kit/credit.js";
export { DuplicateWindow, type DuplicateWindowOptions } from "./kit/duplicate-window.js";
export { escapeName, type HashNameOptions, hashName, unescapeName } from "./kit/names.js";
export { checkParams, checkValue, type PayloadLimits } from "./kit/payload-check.js";
export { decodeValue, MalformedError, type ShapeNames, ValueReader } from "./kit/value-reader.js";
export {
  MAX_SHAPE_BYTES,
  MAX_SHAPE_KEYS,
  MAX_SHAPES,
  ReceivedShapes,
  type SentShape,
  SentShapes,
} from "./kit/value-shapes.js";
export { encodeValue, ValueWriter, type ValueWriterOptions } from "./kit/value-writer.js";
export { nearestName } from "./nearest-name.js";
export * from "./seam.js";
export { MAX_NAME_BYTES } from "./target.js";
export * from "./transport-url.js";
export * from "./value.js";
