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
  if (text.length > mostLevels && isTooDeep(body)) throw notJson('Recursion limit reached');
  // Half a character can only come as an escape, cut off by a client that cuts strings anywhere.
  const position = text.search(loneHighSurrogate);
  if (position >= 0 && hasHalfCharacter(body)) {
    throw notJson(`no low surrogate in string: line 1 column ${position + 1} (char ${position})`);
  }
  return body;
}

/** What parsers of the API's kind take; whatever goes through a body by recursion has room for it. */
const mostLevels = 1024;

function isTooDeep(body: unknown): boolean {
  let level: readonly unknown[] = [body];
  for (let depth = 0; depth <= mostLevels; depth += 1) {
    if (level.length === 0) return false;
    level = level.flatMap((value) =>
      typeof value === 'object' && value !== null ? (Object.values(value) as unknown[]) : [],
    );
  }
  return level.length > 0;
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
