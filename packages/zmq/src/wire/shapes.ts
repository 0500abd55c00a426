/** SHAPE: either side's keys of objects, each list known by a number on this session from then on (`ReceivedShapes` of core). */
import { MAX_SHAPE_KEYS, MalformedError, type ValueReader, type ValueWriter } from "@trunkline/core/driver";
import { SHAPE } from "./record-types.js";

export function writeShape(writer: ValueWriter, keys: readonly string[]): void {
  writer.u8(SHAPE);
  writer.varint(keys.length);
  for (const key of keys) writer.text(key);
}

/** @throws MalformedError for more keys than any shape has. */
export function readShape(reader: ValueReader): readonly string[] {
  const count = reader.varint();
  if (count > MAX_SHAPE_KEYS) throw new MalformedError(`a shape of ${count} keys`, reader.position);
  const keys: string[] = [];
  for (let i = 0; i < count; i++) keys.push(reader.text());
  return keys;
}
