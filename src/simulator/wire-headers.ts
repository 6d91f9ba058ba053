// Response headers as they stand on the wire: in the order and in the letters of answers recorded in August 2026.

import type { OutgoingHttpHeaders } from 'node:http';

import { createHex } from './ids.ts';
import type { Random } from './random.ts';

/** In one of the orders recorded: it varies from answer to answer. */
const limitHeaders = ['output-tokens', 'requests', 'input-tokens', 'tokens'].flatMap((resource) =>
  ['limit', 'remaining', 'reset'].map((figure) => `anthropic-ratelimit-${resource}-${figure}`),
);

/** What the network in front of the API sets has capitals, what the API sets mostly has none. */
const recordedOrder: readonly string[] = [
  'Date',
  'Content-Type',
  'Content-Length',
  'Transfer-Encoding',
  'Connection',
  'Cache-Control',
  'retry-after',
  'x-should-retry',
  ...limitHeaders,
  'request-id',
  'strict-transport-security',
  'anthropic-organization-id',
  'anthropic-workspace-id',
  'traceresponse',
  'Server',
  'Content-Encoding',
  'vary',
  'cf-cache-status',
  'X-Robots-Tag',
  'Content-Security-Policy',
  'CF-RAY',
];

/** The headers, their names given in lower case, in the recorded order; others follow as they come. */
export function toWireHeaders(headers: OutgoingHttpHeaders): OutgoingHttpHeaders {
  const rest = { ...headers };
  const ordered: OutgoingHttpHeaders = {};
  for (const name of recordedOrder) {
    const key = name.toLowerCase();
    if (rest[key] !== undefined) ordered[name] = rest[key];
    delete rest[key];
  }
  return { ...ordered, ...rest };
}

/** Of every answer that the network in front of the API hands on, or gives itself. */
export function edgeHeaders(random: Random): Record<string, string> {
  return {
    'strict-transport-security': 'max-age=31536000; includeSubDomains; preload',
    server: 'cloudflare',
    vary: 'Accept-Encoding',
    'cf-cache-status': 'DYNAMIC',
    'x-robots-tag': 'none',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'cf-ray': `${createHex(16, random)}-EWR`,
  };
}
