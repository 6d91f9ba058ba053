// Ids as the API makes them: a prefix, a version, and 128 bits in base58 (which has no 0, O, I or l). Those of
// requests and, since July 2026, of messages are version 7 UUIDs: they begin with the time and so sort by it. The
// others are random.

import type { Random } from './random.ts';

const base58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';

/** Prefix and whole length of each kind, as recorded. */
const forms = {
  message: { prefix: 'msg_01', length: 28 },
  toolUse: { prefix: 'toolu_01', length: 30 },
  serverToolUse: { prefix: 'srvtoolu_01', length: 33 },
  mcpToolUse: { prefix: 'mcptoolu_01', length: 33 },
  container: { prefix: 'container_01', length: 34 },
  file: { prefix: 'file_011C', length: 29 },
  request: { prefix: 'req_01', length: 28 },
  workspace: { prefix: 'wrkspc_01', length: 31 },
} as const;

export type IdKind = keyof typeof forms;

/** With `timeMs`, milliseconds since 1970, the id says when it was made. */
export function createId(kind: IdKind, random: Random, timeMs?: number): string {
  const { prefix, length } = forms[kind];
  const hex = timeMs === undefined ? createHex(32, random) : createTimedHex(timeMs, random);
  return prefix + toBase58(BigInt(`0x${hex}`)).padStart(length - prefix.length, '1');
}

/** RFC 9562, section 5.7. */
function createTimedHex(timeMs: number, random: Random): string {
  const time = Math.floor(timeMs).toString(16).padStart(12, '0');
  const variant = '89ab'[Math.floor(random() * 4)];
  return `${time}7${createHex(3, random)}${variant}${createHex(15, random)}`;
}

function toBase58(value: bigint): string {
  let digits = '';
  for (let rest = value; rest > 0n; rest /= 58n) digits = `${base58[Number(rest % 58n)]}${digits}`;
  return digits;
}

export function createHex(length: number, random: Random): string {
  let hex = '';
  while (hex.length < length) hex += Math.floor(random() * 16).toString(16);
  return hex;
}

/** A version 4 UUID. */
export function createUuid(random: Random): string {
  const hex = createHex(30, random);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(12, 15)}-8${hex.slice(15, 18)}-${hex.slice(18, 30)}`;
}
