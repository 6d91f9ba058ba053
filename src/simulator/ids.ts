// Ids as the API makes them: a prefix, a version, and base58 (which has no 0, O, I or l).

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
  request: { prefix: 'req_011C', length: 28 },
  workspace: { prefix: 'wrkspc_01', length: 31 },
} as const;

export function createId(kind: keyof typeof forms, random: Random): string {
  const { prefix, length } = forms[kind];
  let id: string = prefix;
  while (id.length < length) id += base58[Math.floor(random() * base58.length)];
  return id;
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
