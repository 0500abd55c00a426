/** What all messages have in common on their way out. */
import { MessageTooLargeError, type PayloadLimits, SerializationError } from "@trunkline/core/driver";
import { wrap } from "./envelope.js";
import { jsonText } from "./json-text.js";

/** What bounds a message, and who says so in errors. */
export interface BodyLimits {
  /** Of the whole body with its envelope, before compression (D4). */
  readonly maxMessageBytes: number;
  /** The driver's name. */
  readonly driver: string;
}

/** What may be in a value: JSON has neither bytes nor bigints nor dates, and none of the three is claimed (D2). */
export function payloadLimits(limits: BodyLimits): PayloadLimits {
  return { binary: false, bigint: false, date: false, driver: limits.driver };
}

/**
 * The body of an inner message whose values have been checked, in its envelope unless told otherwise.
 * @throws MessageTooLargeError
 * @throws SerializationError where reading a member failed that could be read before: a getter, a proxy.
 */
export function encodeBody(inner: object, limits: BodyLimits, hasEnvelope = true): Buffer {
  try {
    const text = jsonText(inner);
    // Each UTF-16 unit is a byte at least; what is too large in any case is not wrapped first.
    if (text.length > limits.maxMessageBytes) throw tooLarge(limits);
    const body = hasEnvelope ? wrap(text) : Buffer.from(text);
    if (body.length > limits.maxMessageBytes) throw tooLarge(limits);
    return body;
  } catch (error) {
    if (error instanceof MessageTooLargeError) throw error;
    // The longest string that there is: values that nest too deep for the stack were refused before.
    if (error instanceof RangeError) throw tooLarge(limits);
    const reason = error instanceof Error ? error.message : "something that is no Error was thrown";
    throw new SerializationError(`the message could not be encoded: ${reason}`, { cause: error });
  }
}

function tooLarge({ maxMessageBytes }: BodyLimits): MessageTooLargeError {
  return new MessageTooLargeError(
    `a message is larger than ${maxMessageBytes} bytes when encoded; send less, or raise maxMessageBytes on both sides`,
    maxMessageBytes,
  );
}
