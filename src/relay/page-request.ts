// What a page may ask for: a Messages body, with the relay's defaults where it says nothing.

import { readBodyText } from './request-body.ts';
import { RequestError } from './request-error.ts';
import type { RelayRequest } from './http.ts';
import type { RelayLimits } from './limits.ts';
import type { RouteContext } from './route-context.ts';

/** The JSON object of a request's body. Throws RequestError for anything else. */
export async function readObject(
  request: RelayRequest,
  { maxPageBodyBytes }: RelayLimits,
): Promise<Record<string, unknown>> {
  const type = request.headers.get('content-type') ?? '';
  if (!/^application\/json\b/i.test(type)) {
    throw new RequestError(415, `content-type: must be application/json, not ${JSON.stringify(type)}`);
  }
  const text = await readBodyText(request, maxPageBodyBytes);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new RequestError(400, 'The request body is not valid JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new RequestError(400, 'The request body must be a JSON object');
  }
  return value as Record<string, unknown>;
}

export interface PageRequest {
  /** The Messages request, but for the messages that a conversation puts before its own. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** What the page says of it, unchecked. */
  readonly onDisconnect: unknown;
  readonly conversation: unknown;
  readonly parent: unknown;
}

/** Throws RequestError. */
export async function parseRequest(
  request: RelayRequest,
  { settings, limits }: Pick<RouteContext, 'settings' | 'limits'>,
): Promise<PageRequest> {
  const { onDisconnect, conversation, parent, ...body } = await readObject(request, limits);
  if (!Array.isArray(body['messages'])) throw new RequestError(400, 'messages: Field required');
  const { model, maxTokens } = settings;
  const fields = { model, max_tokens: maxTokens, ...body, stream: true };
  return { fields, onDisconnect, conversation, parent };
}
