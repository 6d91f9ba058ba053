// The body of a request, as text.

import type { RelayRequest } from './http.ts';
import { RequestError } from './request-error.ts';

/** Throws RequestError when the body is compressed or not valid UTF-8, BodyTooLargeError past `maxBytes`. */
export async function readBodyText(request: RelayRequest, maxBytes: number): Promise<string> {
  const encoding = request.headers.get('content-encoding')?.trim().toLowerCase() ?? 'identity';
  if (encoding !== 'identity') {
    throw new RequestError(415, `content-encoding: must be left out, not ${JSON.stringify(encoding)}`);
  }
  const bytes = await request.readBody(maxBytes);
  try {
    // A byte order mark stays: what goes on upstream is what came.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new RequestError(400, 'The request body is not valid UTF-8');
  }
}
