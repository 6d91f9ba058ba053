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
  const text = mask.maskText(bytes.toString());
  return parseJson(text) ?? { bodyType: 'text', body: text };
}

/** Undefined for what is not JSON, or so deep that it could not be written again. */
function parseJson(text: string): KeptBody | undefined {
  try {
    const body: unknown = JSON.parse(text);
    JSON.stringify(body);
    removeSecrets(body);
    return { bodyType: 'json', body };
  } catch {
    return undefined;
  }
}

/** In place. */
function removeSecrets(body: unknown): void {
  const left: unknown[] = [body];
  while (left.length > 0) {
    const value = left.pop();
    if (typeof value !== 'object' || value === null) continue;
    const fields = value as Record<string, unknown>;
    for (const [name, field] of Object.entries(fields)) {
      if (typeof field === 'string' && secretFields.has(name)) fields[name] = removed;
      else left.push(field);
    }
  }
}
