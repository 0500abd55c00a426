/** Names and small closed sets as they stand in records; what is out of bounds ends the link that sent it (F1). */
import {
  type CancelReason,
  MAX_NAME_BYTES,
  MalformedError,
  PRIORITIES,
  type Priority,
  type ValueReader,
  type ValueWriter,
} from "@trunkline/core/driver";

/** How a request is addressed: to the topic, to this one server of it, or to all of them. */
export type Mode = "topic" | "server" | "fanout";

const MODES: readonly Mode[] = ["topic", "server", "fanout"];
const REASONS: readonly CancelReason[] = ["aborted", "deadline", "closed"];
const NAMESPACE = 1;
const VERSION = 2;

/** What of a request is the same for many: written once a link as a ROUTE. */
export interface RequestNames {
  readonly mode: Mode;
  readonly namespace: string | undefined;
  readonly version: string | undefined;
  readonly method: string;
}

export function writeRequestNames(writer: ValueWriter, names: RequestNames): void {
  writer.u8(MODES.indexOf(names.mode));
  writer.u8((names.namespace === undefined ? 0 : NAMESPACE) | (names.version === undefined ? 0 : VERSION));
  if (names.namespace !== undefined) writer.text(names.namespace);
  if (names.version !== undefined) writer.text(names.version);
  writer.text(names.method);
}

export function readRequestNames(reader: ValueReader): RequestNames {
  const mode = readOf(reader, MODES, "mode");
  const present = reader.u8();
  if (present > (NAMESPACE | VERSION)) throw new MalformedError("unknown parts of a route", reader.position);
  return {
    mode,
    namespace: (present & NAMESPACE) === 0 ? undefined : readName(reader),
    version: (present & VERSION) === 0 ? undefined : readName(reader),
    method: readName(reader),
  };
}

/** @throws MalformedError for an empty name, or one that is longer than A5 allows. */
export function readName(reader: ValueReader): string {
  const start = reader.position;
  const name = reader.text();
  // The length's own bytes are counted too: two at most for a name within the bound.
  if (name.length === 0 || reader.position - start > MAX_NAME_BYTES + 2)
    throw new MalformedError("a name out of bounds", reader.position);
  return name;
}

export function writeOptionalName(writer: ValueWriter, name: string | undefined): void {
  writer.u8(name === undefined ? 0 : 1);
  if (name !== undefined) writer.text(name);
}

export function readOptionalName(reader: ValueReader): string | undefined {
  const present = reader.u8();
  if (present > 1) throw new MalformedError("neither a name nor none", reader.position);
  return present === 0 ? undefined : readName(reader);
}

export function writePriority(writer: ValueWriter, priority: Priority): void {
  writer.u8(PRIORITIES.indexOf(priority));
}

export function readPriority(reader: ValueReader): Priority {
  return readOf(reader, PRIORITIES, "priority");
}

/** A set of priorities as bits, in the order of `PRIORITIES`. */
export function writePriorities(writer: ValueWriter, priorities: readonly Priority[]): void {
  let bits = 0;
  for (const priority of priorities) bits |= 1 << PRIORITIES.indexOf(priority);
  writer.u8(bits);
}

export function readPriorities(reader: ValueReader): readonly Priority[] {
  const bits = reader.u8();
  if (bits >= 1 << PRIORITIES.length) throw new MalformedError("unknown priorities", reader.position);
  return PRIORITIES.filter((_, index) => (bits & (1 << index)) !== 0);
}

export function writeReason(writer: ValueWriter, reason: CancelReason): void {
  writer.u8(REASONS.indexOf(reason));
}

export function readReason(reader: ValueReader): CancelReason {
  return readOf(reader, REASONS, "reason");
}

function readOf<Item>(reader: ValueReader, items: readonly Item[], what: string): Item {
  const item = items[reader.u8()];
  if (item === undefined) throw new MalformedError(`an unknown ${what}`, reader.position);
  return item;
}
