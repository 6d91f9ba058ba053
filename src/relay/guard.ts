// From where a relay is asked. Without keys it serves programs and pages of this machine: a page of another site, a
// name that was made to point here, and a proxy that would make a loopback relay public are refused. With keys it
// answers for the names and to the pages that are configured.

import type { AccessRules } from './access/access-rules.ts';
import { isListed } from './access/cross-origin.ts';
import { errorResponse } from './http.ts';
import type { RelayRequest, RelayResponse } from './http.ts';

const loopbackNames = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Set by proxies in front, besides all that begin with `x-forwarded-`. */
const forwardingHeaders = new Set([
  'cf-connecting-ip',
  'forwarded',
  'true-client-ip',
  'via',
  'x-original-host',
  'x-real-ip',
]);

/** The refusal of a request that must not be served; undefined for one that may. */
export function guardRefusal(request: RelayRequest, rules: AccessRules): RelayResponse | undefined {
  const refusal = request.owner === undefined ? exposureRefusal(request, rules) : undefined;
  return refusal ?? pageRefusal(request, rules);
}

/** Of a request that did not come straight from this machine, or under a name that is not the relay's. */
function exposureRefusal(request: RelayRequest, { keys, hosts }: AccessRules): RelayResponse | undefined {
  const { headers, httpVersion } = request;
  const host = headers.get('host')?.toLowerCase() ?? '';
  if (!loopbackNames.has(nameOf(host)) && !hosts.has(host) && !hosts.has(nameOf(host))) {
    const wanted = keys === undefined ? "this machine's loopback address" : 'a name this relay answers for';
    return refuse(`The Host ${JSON.stringify(host)} is not ${wanted}`);
  }
  // Who asks is known by a key, whoever passed it on.
  if (keys !== undefined) return undefined;
  const forwarding = [...headers.keys()].find(isForwarding);
  if (forwarding === undefined && httpVersion !== '1.0') return undefined;
  const sign = forwarding ?? 'HTTP/1.0';
  return refuse(
    `A proxy stands in front (${sign}), which would make this relay public: it has no keys to check`,
  );
}

/** Of a request that a page of somebody else makes. */
function pageRefusal(request: RelayRequest, rules: AccessRules): RelayResponse | undefined {
  const { headers, owner } = request;
  const origin = headers.get('origin');
  if (origin !== undefined && isListed(origin, rules)) return undefined;
  const host = headers.get('host') ?? '';
  // Behind a proxy that ends TLS a program cannot tell the scheme that the page has.
  const isDirect = owner === undefined && rules.keys === undefined;
  const own = isDirect ? [`http://${host}`] : [`http://${host}`, `https://${host}`];
  if (origin !== undefined && !own.includes(origin)) {
    return refuse(`Requests from pages of ${JSON.stringify(origin)} are not served`);
  }
  return isOtherSite(request) && !opensPage(request)
    ? refuse('Requests from pages of other sites are not served')
    : undefined;
}

/** Another port of this machine is the same site, and another program: only its origin tells. */
function isOtherSite({ headers }: RelayRequest): boolean {
  const site = headers.get('sec-fetch-site');
  return site === 'cross-site' || (site === 'same-site' && headers.get('origin') === undefined);
}

/** Following a link to the page does nothing by itself, and shows the page that was left nothing. */
function opensPage({ method, path, headers }: RelayRequest): boolean {
  const isNavigation =
    headers.get('sec-fetch-mode') === 'navigate' && headers.get('sec-fetch-dest') === 'document';
  return method === 'GET' && path === '/' && isNavigation;
}

function isForwarding(name: string): boolean {
  return name.startsWith('x-forwarded-') || forwardingHeaders.has(name);
}

function nameOf(host: string): string {
  return host.replace(/:[0-9]+$/, '');
}

function refuse(message: string): RelayResponse {
  return errorResponse(403, 'permission_error', message);
}
