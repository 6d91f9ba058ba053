// What is kept of the heads of a request and its answer: what is known to say nothing about who asked. All the rest
// is left out, keys, cookies and the ids of organizations among it, and so is what only counts between two hops.

import type { SecretMask } from './secret-mask.ts';

type Headers = NodeJS.Dict<string | string[]>;

const stainless = 'arch lang os package-version retry-count runtime runtime-version timeout helper-method';

const keptOfRequest = new Set([
  'accept',
  'accept-encoding',
  'accept-language',
  'anthropic-beta',
  'anthropic-dangerous-direct-browser-access',
  'anthropic-version',
  'content-type',
  'user-agent',
  'x-app',
  ...stainless.split(' ').map((name) => `x-stainless-${name}`),
]);

const keptOfResponse = new Set([
  'cache-control',
  'cf-cache-status',
  'content-encoding',
  'content-language',
  'content-security-policy',
  'content-type',
  'date',
  'request-id',
  'retry-after',
  'retry-after-ms',
  'server',
  'strict-transport-security',
  'traceresponse',
  'vary',
  'via',
  'x-accel-buffering',
  'x-content-type-options',
  'x-envoy-upstream-service-time',
  'x-request-id',
  'x-robots-tag',
  'x-should-retry',
]);

const rateLimit = /^anthropic-(?:fast-|priority-)?ratelimit-/;

/** What a page of a list, or the version of a route, is asked for with. */
const keptOfQuery = new Set(['beta', 'limit', 'before_id', 'after_id', 'page']);

/** Ids of who pays; the answer to a caller may repeat them in its body. */
const callerIds = ['anthropic-organization-id', 'anthropic-workspace-id'];

export function keptRequestHeaders(headers: Headers, mask: SecretMask): Record<string, string> {
  return kept(headers, mask, (name) => keptOfRequest.has(name));
}

export function keptResponseHeaders(headers: Headers, mask: SecretMask): Record<string, string> {
  return kept(headers, mask, (name) => keptOfResponse.has(name) || rateLimit.test(name));
}

/** The secrets an answer brings. */
export function secretsOfResponse(headers: Headers): string[] {
  const cookies = [headers['set-cookie'] ?? []]
    .flat()
    .map((cookie) => cookie.replace(/^[^=]*=([^;]*).*$/s, '$1'));
  return [...cookies, ...callerIds.flatMap((name) => headers[name] ?? [])];
}

export function keptPath(url: string, mask: SecretMask): string {
  const [pathname = '', ...rest] = url.split('?');
  const query = [...new URLSearchParams(rest.join('?'))].filter(([name]) => keptOfQuery.has(name));
  const search = query.length === 0 ? '' : `?${new URLSearchParams(query)}`;
  return (
    pathname
      .split('/')
      .map((segment) => maskSegment(segment, mask))
      .join('/') + mask.maskText(search)
  );
}

/** However often it is percent-encoded: a secret may have gone through several programs. */
function maskSegment(segment: string, mask: SecretMask): string {
  let decoded = segment;
  for (let times = 0; times < 4; times += 1) {
    if (mask.maskText(decoded) !== decoded) return '*'.repeat(segment.length);
    try {
      decoded = decodeURIComponent(decoded);
    } catch {
      return segment;
    }
  }
  return segment;
}

function kept(headers: Headers, mask: SecretMask, isKept: (name: string) => boolean): Record<string, string> {
  const entries = Object.entries(headers).filter(([name]) => isKept(name));
  return Object.fromEntries(
    entries.map(([name, value]) => [name, mask.maskText([value ?? ''].flat().join(', '))]),
  );
}
