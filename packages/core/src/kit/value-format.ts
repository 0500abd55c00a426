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
 *
 * Where both ends agreed to it, and in no value that outlives its connection, an object may be written by its shape
 * (`value-shapes.ts`): 0xc1, which MessagePack never uses, the shape's number as a varint from 1 on, then a value for each
 * of its keys in their order, of which 0xc1 0x00 says that the object has no such member.
 */
export const BIGINT_EXTENSION = 0x01;
/** -1 as a byte. */
export const TIMESTAMP_EXTENSION = 0xff;
/** What an object written by its shape begins with, and a member that is not there. */
export const SHAPED = 0xc1;
/** In place of a shape's number: no member. */
export const ABSENT = 0x00;
