// Who asks, as a fingerprint of the key: what is counted for each caller is kept without the key.

import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

export function callerOf({ 'x-api-key': key, authorization }: IncomingHttpHeaders): string {
  const secret = String(key ?? authorization?.replace(/^bearer /i, '') ?? '');
  return createHash('sha256').update(secret).digest('base64');
}
