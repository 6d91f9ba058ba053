// What a page may ask for: a Messages body, with the relay's defaults where it says nothing.

import { checkDepth, maxImageBodyBytes } from './access/page-rules.ts';
import { isJsonObject } from './json-object.ts';
import type { JsonObject } from './json-object.ts';
import { readBodyText } from './request-body.ts';
import { RequestError } from './request-error.ts';
import type { RelayRequest } from './http.ts';
import type { RouteContext } from './route-context.ts';

/** What a form of another site can send has one of three other types; this one a browser asks about first. Throws
 * RequestError. */
export function checkContentType({ method, path, headers }: RelayRequest, isNeeded = false): void {
  const type = headers.get('content-type');
  const isSafe = method === 'GET' || method === 'HEAD' || path.startsWith('/v1/');
  if (isSafe || (type === undefined && !isNeeded) || isJson(type ?? '')) return;
  throw new RequestError(415, `content-type: must be application/json, not ${JSON.stringify(type ?? '')}`);
}

function isJson(type: string): boolean {
  return /^application\/json *(?:;|$)/i.test(type);
}

/** The JSON object of a request's body. Throws RequestError for anything else. */
export async function readObject(
  request: RelayRequest,
  { limits, access }: Pick<RouteContext, 'limits' | 'access'>,
): Promise<JsonObject> {
  checkContentType(request, true);
  const { maxPageBodyBytes } = limits;
  const isLarge = access.rules.pages?.images === true;
  const maxBytes = isLarge ? Math.max(maxPageBodyBytes, maxImageBodyBytes) : maxPageBodyBytes;
  const text = await readBodyText(request, maxBytes);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new RequestError(400, 'The request body is not valid JSON');
  }
  if (!isJsonObject(value)) throw new RequestError(400, 'The request body must be a JSON object');
  checkDepth(value);
  return value;
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
  context: Pick<RouteContext, 'settings' | 'limits' | 'access'>,
): Promise<PageRequest> {
  const { onDisconnect, conversation, parent, ...body } = await readObject(request, context);
  // In a conversation there may be nothing new to say: the same is asked again.
  const { messages = conversation === undefined ? undefined : [] } = body;
  if (!Array.isArray(messages)) throw new RequestError(400, 'messages: Field required');
  const { model, maxTokens } = context.settings;
  const fields = { model, max_tokens: maxTokens, ...body, messages, stream: true };
  return { fields, onDisconnect, conversation, parent };
}
