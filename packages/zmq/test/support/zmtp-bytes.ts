/** ZMTP as bytes written by hand, for tests: nothing here is taken from the code that is tested. */

/** RFC 37, "Greeting". */
export function greetingBytes(
  parts: { readonly major?: number; readonly minor?: number; readonly mechanism?: string } = {},
): Buffer {
  const { major = 3, minor = 1, mechanism = "NULL" } = parts;
  const name = Buffer.alloc(20);
  name.write(mechanism);
  return Buffer.concat([Buffer.from("ff00000000000000017f", "hex"), Buffer.of(major, minor), name, Buffer.alloc(32)]);
}

/** A frame with the shortest header that holds its length. */
export function frameBytes(body: Uint8Array | string, flags = 0): Buffer {
  const bytes = Buffer.from(body as string);
  if (bytes.length < 256) return Buffer.concat([Buffer.of(flags, bytes.length), bytes]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64BE(BigInt(bytes.length));
  return Buffer.concat([Buffer.of(flags | 2), length, bytes]);
}

export function commandBytes(name: string, data: Uint8Array = Buffer.alloc(0)): Buffer {
  return frameBytes(Buffer.concat([Buffer.of(name.length), Buffer.from(name), data]), 4);
}

export function propertyBytes(name: string, value: Uint8Array | string): Buffer {
  const bytes = Buffer.from(value as string);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([Buffer.of(name.length), Buffer.from(name), length, bytes]);
}

export function readyBytes(socketType = "DEALER", ...more: readonly Buffer[]): Buffer {
  return commandBytes("READY", Buffer.concat([propertyBytes("Socket-Type", socketType), ...more]));
}

/** What a well-behaved DEALER says before its first message. */
export const DEALER_PREFACE: Buffer = Buffer.concat([
  greetingBytes(),
  readyBytes("DEALER", propertyBytes("Identity", "")),
]);
