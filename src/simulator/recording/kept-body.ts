// A request's body as a recording keeps it: as readable as it can be, without secrets.

import { isUtf8 } from 'node:buffer';

import type { KeptBody } from './recording.ts';
import type { SecretMask } from './secret-mask.ts';

/** Fields that hold a key for somebody else's server, or say who the user is. */
const secretFields = new Set([
  'access_token',
  'api_key',
  'authorization_token',
  'client_secret',
  'password',
  'refresh_token',
  'secret',
  'user_id',
]);

const removed = '[removed]';

/** What is compressed cannot be looked at for secrets, and is omitted. */
export function toKeptBody(
  bytes: Buffer,
  { mask, contentEncoding }: { mask: SecretMask; contentEncoding: string | undefined },
): KeptBody {
  if (bytes.length === 0) return { bodyType: 'none' };
  if (contentEncoding !== undefined && contentEncoding !== 'identity') return { bodyType: 'omitted' };
  if (!isUtf8(bytes)) {
    const masked = mask.maskText(bytes.toString('latin1'));
    return { bodyType: 'base64', body: Buffer.from(masked, 'latin1').toString('base64') };
  }
  return parseJson(mask.maskText(bytes.toString()));
}

/** Deeper JSON is omitted: written with a line for each value it would be many times as long. */
const maxDepth = 200;

function parseJson(text: string): KeptBody {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return { bodyType: 'text', body: text };
  }
  return removeSecrets(body) ? { bodyType: 'json', body } : { bodyType: 'omitted' };
}

/** In place. False when it is too deep; then secrets may be left. */
function removeSecrets(body: unknown): boolean {
  let level: readonly unknown[] = [body];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > maxDepth) return false;
    level = level.flatMap(removeOwnSecrets);
  }
  return true;
}

/** Returns the values of its fields. */
function removeOwnSecrets(value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  const fields = value as Record<string, unknown>;
  for (const [name, field] of Object.entries(fields)) {
    if (typeof field === 'string' && secretFields.has(name)) fields[name] = removed;
  }
  return Object.values(fields);
}
