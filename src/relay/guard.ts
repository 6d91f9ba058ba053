// Who may talk to a relay that has no keys: programs and pages of this machine. A page of another site, a name
// that was made to point here, and a proxy that would make a loopback relay public are refused.

import { errorResponse } from './http.ts';
import type { RelayRequest, RelayResponse } from './http.ts';

const loopbackNames = new Set(['localhost', '127.0.0.1', '[::1]']);

const forwardingHeaders = [
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
  'via',
];

/** The refusal of a request that must not be served; undefined for one that may. */
export function refusalOf({ headers, httpVersion }: RelayRequest): RelayResponse | undefined {
  const host = headers.get('host');
  if (host === undefined || !loopbackNames.has(nameOf(host))) {
    return refuse(`The Host ${JSON.stringify(host ?? '')} is not this machine's loopback address`);
  }
  const origin = headers.get('origin');
  if (origin !== undefined && origin !== `http://${host}`) {
    return refuse(`Requests from pages of ${JSON.stringify(origin)} are not served`);
  }
  if (headers.get('sec-fetch-site') === 'cross-site')
    return refuse('Requests from pages of other sites are not served');
  const forwarding = forwardingHeaders.find((name) => headers.get(name) !== undefined);
  if (forwarding !== undefined || httpVersion === '1.0') {
    const sign = forwarding ?? 'HTTP/1.0';
    return refuse(
      `A proxy stands in front (${sign}), which would make this relay public: it has no keys to check`,
    );
  }
  return undefined;
}

function nameOf(host: string): string {
  return host.replace(/:[0-9]+$/, '').toLowerCase();
}

function refuse(message: string): RelayResponse {
  return errorResponse(403, 'permission_error', message);
}
