// An upstream that says half of each answer, and the rest when a test tells it to.

import { cleanEnd, startRawServer, streamResponse } from './raw-server.ts';
import type { RawServer } from './raw-server.ts';
import { messageEnd, messageStart, sse, textEvents } from './streams.ts';

export interface HeldUpstream extends AsyncDisposable {
  readonly server: RawServer;
  /** Says the rest of every answer, also of those that are asked for later. */
  readonly goOn: () => void;
}

/** The text is `Half`, then ` and half`. */
export async function startHeldUpstream(): Promise<HeldUpstream> {
  const { promise: later, resolve } = Promise.withResolvers<string>();
  const text = textEvents(0, 'Half', ' and half');
  const end = sse(...text.slice(2), ...messageEnd);
  const bytes = streamResponse(sse(messageStart, ...text.slice(0, 2)));
  const server = await startRawServer(() => ({ bytes, then: 'hold', later }));
  return {
    server,
    goOn: () => resolve(`${Buffer.byteLength(end).toString(16)}\r\n${end}\r\n${cleanEnd}`),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
