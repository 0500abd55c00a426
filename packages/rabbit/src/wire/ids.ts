/** Where a UUID's text has its dashes. */
const DASHES = [8, 13, 18, 23] as const;
const UUID_LENGTH = 36;

/** The id as oslo.messaging writes its own, a UUID's 32 hex digits without dashes; an id that is no UUID stays as it is. */
export function hexId(id: string): string {
  if (id.length !== UUID_LENGTH) return id;
  for (const at of DASHES) if (id.charCodeAt(at) !== 0x2d) return id;
  const bare = id.slice(0, 8) + id.slice(9, 13) + id.slice(14, 18) + id.slice(19, 23) + id.slice(24);
  return HEX.test(bare) ? bare : id;
}

const HEX = /^[0-9a-f]{32}$/;
