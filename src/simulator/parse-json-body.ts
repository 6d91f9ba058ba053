// A request body to its JSON, with the API's complaints. What stands behind the colon is V8's text where the API
// has another parser's.

import { invalidRequest } from './api-errors.ts';

/** Throws an ApiError. */
export function parseJsonBody(text: string): unknown {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (error) {
    throw notJson((error as SyntaxError).message);
  }
  // Half a character can only come as an escape, cut off by a client that cuts strings anywhere.
  const position = text.search(loneHighSurrogate);
  if (position >= 0 && hasHalfCharacter(body)) {
    throw notJson(`no low surrogate in string: line 1 column ${position + 1} (char ${position})`);
  }
  return body;
}

/** Also finds an escaped backslash before `ud83d`, which is harmless. */
const loneHighSurrogate = /\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])/;

function hasHalfCharacter(body: unknown): boolean {
  let isFound = false;
  JSON.stringify(body, (_key, value: unknown) => {
    if (typeof value === 'string') isFound ||= /\p{Surrogate}/u.test(value);
    return value;
  });
  return isFound;
}

function notJson(complaint: string): Error {
  return invalidRequest(`The request body is not valid JSON: ${complaint}`);
}
