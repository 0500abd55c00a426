import { ValueReader, type ValueWriter } from "@trunkline/core/driver";
import { soleFrame } from "../../src/link/greeting-frames.js";

/** What `write` writes. */
export function written(write: (writer: ValueWriter) => void): Buffer {
  return Buffer.from(soleFrame(write));
}

/** A reader at the start of `bytes`. */
export function readerOf(bytes: Uint8Array): ValueReader {
  const reader = new ValueReader();
  reader.reset(bytes);
  return reader;
}

/** The bytes that a text of hexadecimal digits stands for; white space is no part of it. */
export function fromHex(text: string): Buffer {
  return Buffer.from(text.replace(/\s+/g, ""), "hex");
}
