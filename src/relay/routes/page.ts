// The page and what it needs to know of the relay.

import { presentedKeys } from '../access/caller.ts';
import { closingResponse, errorResponse, jsonResponse } from '../http.ts';
import type { RelayRequest, RelayResponse } from '../http.ts';
import type { RouteContext } from '../route-context.ts';

/** Scripts, styles and connections of the relay itself and of nobody else; no frame around it. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  // Markup from a string is the sanitizer's to make, and nobody else's.
  "require-trusted-types-for 'script'",
  'trusted-types dompurify',
].join('; ');

const pageHeaders = {
  'content-security-policy': contentSecurityPolicy,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

export async function getAsset({ path }: RelayRequest, { assets }: RouteContext): Promise<RelayResponse> {
  const asset = assets.get(path === '/' ? '/index.html' : path);
  if (asset === undefined) return errorResponse(404, 'not_found_error', 'Not found');
  // Names of assets hold a hash of their content.
  const cacheControl = path.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache';
  const headers = { ...pageHeaders, 'content-type': asset.contentType, 'cache-control': cacheControl };
  return { status: 200, headers, body: asset.body };
}

export async function getSettings(
  request: RelayRequest,
  { settings, caller }: RouteContext,
): Promise<RelayResponse> {
  const { version, simulated, model, maxTokens } = settings;
  const isSession = caller.hasKey === true && presentedKeys(request).length === 0;
  const session = isSession ? caller.owner : null;
  return jsonResponse(200, { version, simulated, model, max_tokens: maxTokens, session });
}

/** That the process is alive, and whether what it holds outlives it. */
export async function getHealth(_request: RelayRequest, { streams }: RouteContext): Promise<RelayResponse> {
  return jsonResponse(200, { status: 'ok', durable: streams.log.outlivesProcess });
}

/** Whether it takes new work. */
export async function getReadiness(
  _request: RelayRequest,
  { draining }: RouteContext,
): Promise<RelayResponse> {
  return draining.aborted ? closingResponse() : jsonResponse(200, { status: 'ready' });
}
