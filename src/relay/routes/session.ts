// `/session`: how a page signs in, on this device or on another. The key goes into a cookie that no script can read.

import { unauthenticated } from '../access/access.ts';
import { sessionCookieOf, setCookie } from '../access/cookies.ts';
import { errorResponse, jsonResponse } from '../http.ts';
import type { RelayRequest, RelayResponse } from '../http.ts';
import { readObject } from '../page-request.ts';
import { RequestError } from '../request-error.ts';
import type { RouteContext } from '../route-context.ts';

export async function postSession(request: RelayRequest, context: RouteContext): Promise<RelayResponse> {
  const { access } = context;
  const { sessions } = access;
  if (sessions === undefined) return errorResponse(404, 'not_found_error', 'This relay has no sessions');
  const { key: secret, ...others } = await readObject(request, context);
  if (typeof secret !== 'string') throw new RequestError(400, 'key: must be a string');
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw new RequestError(400, `${JSON.stringify(unknown)}: is not known`);
  const key = await access.find(secret);
  if (key === undefined) return unauthenticated('key: is none of this relay');
  const { value, maxAgeMs } = await sessions.begin(key);
  return jsonResponse(200, { id: key.id, maxAgeMs }, { 'set-cookie': setCookie(request, value, maxAgeMs) });
}

/** Also for who has none. */
export async function deleteSession(request: RelayRequest, { access }: RouteContext): Promise<RelayResponse> {
  const cookie = sessionCookieOf(request);
  if (cookie !== undefined) await access.sessions?.end(cookie);
  return { status: 204, headers: { 'set-cookie': setCookie(request, '', 0) }, body: '' };
}
