// What the relay says itself among the events of the Messages API.

import { statusOfErrorType } from '../../protocol/index.ts';
import type { LogEnding, LogRecord } from '../../storage/index.ts';

/** Of codes that the API does not have, where it has a type for them. */
const typesOfLimits: ReadonlyMap<string, string> = new Map([
  ['access_ended', 'authentication_error'],
  ['key_removed', 'authentication_error'],
  ['queue_timeout', 'rate_limit_error'],
  ['quota_exceeded', 'rate_limit_error'],
]);

/** An ending that is not whole, as the API's own `error` event, with the relay's code in `details`. */
export function errorEvent(ending: Exclude<LogEnding, { type: 'complete' }>): object {
  const code = ending.type === 'stopped' ? 'stopped' : ending.code;
  const message = ending.type === 'stopped' ? 'The answer was stopped' : ending.message;
  const type = Object.hasOwn(statusOfErrorType, code) ? code : (typesOfLimits.get(code) ?? 'api_error');
  return { type: 'error', error: { type, message, details: { code } } };
}

/** What a reader is told that no log holds: it begins anew, or is to be asked for again. */
type WordOfLog =
  | { readonly type: 'reset'; readonly from: string }
  | { readonly type: 'reconnect' }
  | { readonly type: 'waiting'; readonly position: number };

/** A record of the log, or a word about it: clients of the API pass over events of this type. The prompt and its
 * owner are not the reader's business. */
export function ownEvent(record: LogRecord | WordOfLog): object {
  return {
    type: 'millrace',
    record: record.type === 'open' ? { type: 'open', createdAt: record.createdAt } : record,
  };
}
