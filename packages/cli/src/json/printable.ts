/**
 * The JSON form of what a backend may carry beyond JSON:
 * `{"$bytes": "<base64>"}`, `{"$bigint": "<decimal>"}`, `{"$date": "<ISO 8601, UTC>"}`.
 *
 * Everything else prints as JSON does. A member whose name is `__proto__` stays a member.
 */
export function printable(value: unknown): unknown {
  if (value === undefined) return null;
  if (typeof value === "bigint") return { $bigint: value.toString() };
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Uint8Array) {
    return { $bytes: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64") };
  }
  if (value instanceof Date) return { $date: value.toISOString() };
  if (Array.isArray(value)) return value.map(printable);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(members.map(([key, member]) => [key, printable(member)]));
}
