// Pages of other origins: those that are listed may ask, and read what is answered. A browser lets no other.

import type { RelayRequest, RelayResponse } from '../http.ts';
import type { AccessRules } from './access-rules.ts';

type Origins = Pick<AccessRules, 'origins' | 'sessionMs'>;

/** Besides those that every page may read. */
const readable = ['x-stream-id', 'request-id', 'retry-after', 'x-should-retry'].join(', ');

/** How long a browser remembers that it may ask, in seconds. */
const maxAge = '600';

export function isListed(origin: string, { origins }: Origins): boolean {
  return origins.has(origin) || origins.has('*');
}

/** The response, with what the page of a listed origin needs to read it. */
export function withCrossOrigin(
  response: RelayResponse,
  { headers }: RelayRequest,
  rules: Origins,
): RelayResponse {
  if (rules.origins.size === 0) return response;
  const origin = headers.get('origin');
  const isOpen = origin !== undefined && isListed(origin, rules);
  return {
    ...response,
    headers: {
      ...response.headers,
      // Also where it is refused: a cache must not give that to another.
      vary: 'Origin',
      ...(isOpen ? { ...allow(origin, rules), 'access-control-expose-headers': readable } : {}),
    },
  };
}

/** What a browser asks before it lets a page ask; undefined for any other request. */
export function preflightResponse(
  { method, headers }: RelayRequest,
  rules: Origins,
): RelayResponse | undefined {
  const origin = headers.get('origin');
  const wanted = headers.get('access-control-request-method');
  if (method !== 'OPTIONS' || origin === undefined || wanted === undefined) return undefined;
  if (!isListed(origin, rules)) return undefined;
  const names = headers.get('access-control-request-headers') ?? '';
  return {
    status: 204,
    headers: {
      'access-control-allow-methods': 'GET, POST, PATCH, DELETE',
      ...(/^[\w, -]+$/.test(names) ? { 'access-control-allow-headers': names } : {}),
      'access-control-max-age': maxAge,
    },
    body: '',
  };
}

/** A cookie goes with it where there are any: `*` and cookies are never configured together. */
function allow(origin: string, { origins, sessionMs }: Origins): Record<string, string> {
  if (origins.has('*')) return { 'access-control-allow-origin': '*' };
  const credentials = sessionMs === undefined ? {} : { 'access-control-allow-credentials': 'true' };
  return { 'access-control-allow-origin': origin, ...credentials };
}
