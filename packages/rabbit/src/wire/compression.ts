/** Compressed bodies as kombu, Python's AMQP library, has them. */
import { deflateSync, unzipSync } from "node:zlib";
import { MessageTooLargeError } from "@trunkline/core/driver";
import { malformed, quoted } from "./malformed.js";

/** The AMQP header that says of a body that it is compressed, and how. */
export const COMPRESSION_HEADER = "compression";

/** What that header says of {@link compressBody}'s bytes. They are a zlib stream all the same: kombu's name for it is wrong. */
export const COMPRESSION = "application/x-gzip";

/** What kombu reads as the same: the name and its aliases. */
const READABLE: ReadonlySet<string> = new Set([COMPRESSION, "gzip", "zlib"]);

/** The zlib stream of a body; it goes with the header {@link COMPRESSION_HEADER}. */
export function compressBody(body: Buffer): Buffer {
  return deflateSync(body);
}

/**
 * The body that was compressed, from a zlib or a gzip stream.
 * @param maxBytes of what comes out: no more than that is ever made, whatever the stream promises (D4).
 * @throws MalformedError for another compression, and for a stream that is truncated or none.
 * @throws MessageTooLargeError
 */
export function inflateBody(content: Buffer, compression: string, maxBytes: number): Buffer {
  if (!READABLE.has(compression)) {
    throw malformed(`a body compressed as ${quoted(compression)}; this driver reads ${COMPRESSION} only`);
  }
  try {
    return unzipSync(content, { maxOutputLength: maxBytes });
  } catch (error) {
    if (error instanceof RangeError) throw tooLarge(maxBytes);
    throw malformed("a compressed body that is no zlib stream, or not a whole one");
  }
}

function tooLarge(maxBytes: number): MessageTooLargeError {
  return new MessageTooLargeError(`a message came that is over ${maxBytes} bytes when it is decompressed`, maxBytes);
}
