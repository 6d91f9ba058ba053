// `/session`: how a page signs in, on this device or on another. A key, or a token of the application, becomes a cookie
// that no script can read.

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
  const { key: secret, token, ...others } = await readObject(request, context);
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw new RequestError(400, `${JSON.stringify(unknown)}: is not known`);
  if (typeof token === 'string' && secret === undefined) return beginWith(token, request, context);
  if (typeof secret !== 'string' || token !== undefined)
    throw new RequestError(400, 'key: must be a string; or token, without a key');
  const key = await access.find(secret);
  if (key === undefined) return unauthenticated('key: is none of this relay');
  const { value, maxAgeMs } = await sessions.begin(key);
  return jsonResponse(200, { id: key.id, maxAgeMs }, { 'set-cookie': setCookie(request, value, maxAgeMs) });
}

/** The cookie is the token itself, for as long as it is good. */
async function beginWith(
  token: string,
  request: RelayRequest,
  { access }: RouteContext,
): Promise<RelayResponse> {
  const session = await access.findToken(token);
  if (session === undefined) return unauthenticated('token: is none that this relay takes');
  const { owner, leftMs } = session;
  const maxAgeMs = Math.min(leftMs, access.rules.sessionMs ?? 0);
  return jsonResponse(200, { id: owner, maxAgeMs }, { 'set-cookie': setCookie(request, token, maxAgeMs) });
}

/** Also for who has none. What is read by it ends. */
export async function deleteSession(
  request: RelayRequest,
  { access, streams }: RouteContext,
): Promise<RelayResponse> {
  const cookie = sessionCookieOf(request);
  const ended =
    cookie === undefined || access.sessions === undefined ? undefined : await access.endSession(cookie);
  if (ended?.session !== undefined) streams.readers.endSession(ended.owner, ended.session);
  return { status: 204, headers: { 'set-cookie': setCookie(request, '', 0) }, body: '' };
}
