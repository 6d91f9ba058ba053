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

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** The headers every request of the API has. Throws its 401 and 400. */
export function checkApiHeaders(headers: IncomingHttpHeaders, requireKey: boolean): void {
  const hasKey = Boolean(headers['x-api-key']) || /^bearer \S/i.test(headers.authorization ?? '');
  if (requireKey && !hasKey) throw apiError('authentication_error', 'x-api-key header is required');
  if (!headers['anthropic-version']) throw invalidRequest('anthropic-version: header is required');
}
