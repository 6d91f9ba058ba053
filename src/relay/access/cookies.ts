// The cookie of a session, in a request and in a response.

import type { RelayRequest } from '../http.ts';
import { cookieNames } from './sessions.ts';

/** Where both are there, the one that only this host can have set. */
export function sessionCookieOf({ headers }: RelayRequest): string | undefined {
  const cookies = new Map<string, string>();
  for (const pair of (headers.get('cookie') ?? '').split(';')) {
    const at = pair.indexOf('=');
    const name = pair.slice(0, at).trim();
    // Of several with one name, the first has the longest path.
    if (at > 0 && !cookies.has(name)) cookies.set(name, pair.slice(at + 1).trim());
  }
  return cookies.get(cookieNames.secure) ?? cookies.get(cookieNames.plain);
}

/** With 0 it is taken away. */
export function setCookie(request: RelayRequest, value: string, maxAgeMs: number): string {
  // The page says by its origin how it was reached: what stands in front of the relay may have ended TLS.
  const isSecure = request.headers.get('origin')?.startsWith('https:') === true;
  const name = isSecure ? cookieNames.secure : cookieNames.plain;
  const maxAge = Math.floor(maxAgeMs / 1000);
  return `${name}=${value}; Path=/; Max-Age=${maxAge}; HttpOnly; SameSite=Strict${isSecure ? '; Secure' : ''}`;
}
