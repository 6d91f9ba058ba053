// `useChat` shows its user the body of a response that is an error: there it is a sentence.

import { isJsonObject, parseObject } from '../json-object.ts';
import type { RelayRequest, RelayResponse } from '../http.ts';

/** The response as it is, or for `/api/chat` its error's message alone. */
export function spoken({ path }: RelayRequest, response: RelayResponse): RelayResponse {
  const { status, headers, body } = response;
  if (status < 400 || !/^\/api\/chat(?:\/|$)/.test(path)) return response;
  const message = messageOf(body);
  if (message === undefined) return response;
  return { ...response, headers: { ...headers, 'content-type': 'text/plain; charset=utf-8' }, body: message };
}

/** Undefined for what is no error of the API's shape. */
function messageOf(body: RelayResponse['body']): string | undefined {
  if (typeof body !== 'string' && !(body instanceof Uint8Array)) return undefined;
  const error = parseObject(typeof body === 'string' ? body : new TextDecoder().decode(body))?.['error'];
  const message = isJsonObject(error) ? error['message'] : undefined;
  return typeof message === 'string' && message !== '' ? message : undefined;
}
