// Who may ask: nobody from another site, and where a key is wanted nobody without one.

import type { IncomingHttpHeaders } from 'node:http';

import { apiError, invalidRequest } from './api-errors.ts';

/**
 * A page of another site can make a browser ask a server on this computer under a name of its own (DNS rebinding);
 * the Host header gives it away. Only checked where nobody but this computer can reach the simulator anyway.
 */
export function checkHost(headers: IncomingHttpHeaders, listening: { host: string; port: number }): void {
  if (!isLoopback(listening.host)) return;
  const host = headers.host ?? '';
  const names = ['localhost', '127.0.0.1', '[::1]', toAuthority(listening.host)];
  const wanted = names.map((name) => `${name}:${listening.port}`);
  if (listening.port === 80) wanted.push(...names);
  if (wanted.includes(host.toLowerCase())) return;
  throw apiError(
    'permission_error',
    `Host "${host}" is not this simulator: it is localhost:${listening.port}`,
  );
}

/** A host as it stands in a URL. */
export function toAuthority(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

export interface KeyRules {
  readonly requireKey: boolean;
  readonly keys?: readonly string[];
}

/** The headers every request of the API has. Throws its 401 and 400. */
export function checkApiHeaders(headers: IncomingHttpHeaders, rules: KeyRules): void {
  checkKey(headers, rules);
  if (!headers['anthropic-version']) throw invalidRequest('anthropic-version: header is required');
}

/**
 * Two texts are recorded for a wrong key, without the headers they answered: here each belongs to one of the two
 * headers a key can come in.
 */
function checkKey(headers: IncomingHttpHeaders, { requireKey, keys }: KeyRules): void {
  const [, bearer = ''] = /^bearer (\S.*)$/i.exec(headers.authorization ?? '') ?? [];
  const own = String(headers['x-api-key'] ?? '');
  const key = own === '' ? bearer : own;
  if (key === '' && (requireKey || keys !== undefined)) {
    throw apiError('authentication_error', 'x-api-key header is required');
  }
  const isWrong = keys === undefined ? /invalid/i.test(key) : !keys.includes(key);
  if (isWrong)
    throw apiError('authentication_error', own === '' ? 'API key is invalid.' : 'invalid x-api-key');
}
