/**
 * How a value is written: MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md), of which this uses
 *
 * - nil, false, true; integers of up to 32 bits in the shortest form, every other number (-0 too) as float 64;
 * - str (well-formed UTF-8; its length may be written wider than it had to be), bin (`Uint8Array`), array, map with str keys;
 * - the timestamp extension -1 (`Date`, in whole milliseconds);
 * - one extension of its own, 1, for `bigint`: a byte for the sign (1 is negative), then the magnitude, highest byte first
 *   and not 0; zero has no magnitude.
 *
 * A reader accepts any width of a length, and the integers of 64 bits and float 32 that other encoders write; no other type.
 */
export const BIGINT_EXTENSION = 0x01;
/** -1 as a byte. */
export const TIMESTAMP_EXTENSION = 0xff;
