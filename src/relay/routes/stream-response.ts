// The response that is a stream's text.

import { isSameEntry, logStart } from '../../storage/index.ts';
import type { EntryId, StreamState } from '../../storage/index.ts';
import { takePlaceAt } from '../access/reader-limits.ts';
import { eventStreamResponse } from '../http.ts';
import type { RelayRequest, RelayResponse, TextStream } from '../http.ts';
import { limitResponse } from '../limits.ts';
import type { RouteContext } from '../route-context.ts';
import type { StreamFormat } from '../stream-format.ts';

/** `headers` are those beside what every stream has. */
export function streamResponse(
  id: string,
  text: TextStream,
  headers: Readonly<Record<string, string>> = {},
): RelayResponse {
  return eventStreamResponse(text, { ...headers, 'x-stream-id': id });
}

/** For a reader that has seen the ending: without content EventSource stops reconnecting. Undefined where there is
 * more. */
export function nothingLeft(
  { id, ending, tail }: StreamState,
  after: EntryId | undefined,
): RelayResponse | undefined {
  if (ending === undefined || after === undefined || !isSameEntry(after, tail)) return undefined;
  return { status: 204, headers: { 'x-stream-id': id }, body: '' };
}

interface Reading {
  readonly id: string;
  /** The stream's; default who asks. */
  readonly owner?: string;
  readonly format: StreamFormat;
  /** Default: from the beginning. */
  readonly after?: EntryId | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The response for one more reader of a stream that is there, or its refusal. */
export function readStream(
  { signal }: RelayRequest,
  context: Pick<RouteContext, 'streams' | 'access' | 'caller'>,
  { id, owner = context.caller.owner, format, after = logStart, headers }: Reading,
): RelayResponse {
  // They may have been admitted before that was changed.
  const { access, caller } = context;
  const lapse = access.lapseOf(caller, { asOperator: owner !== caller.owner });
  if (lapse !== undefined) return lapse.response;
  const place = takePlaceAt({ id, owner }, context);
  if (place === undefined) return limitResponse('readers');
  const text = context.streams.follow(id, format.createEncoder(id), { after, signal, place });
  return streamResponse(id, text, { ...format.headers, ...headers });
}
