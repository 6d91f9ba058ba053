// A server whose answers break off at any byte, and that goes on with them when it is asked to: as a model would
// that never changes its words, so that every character can be checked.

import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { StreamEventDecoder } from 'millrace/protocol';
import type { StreamEvent } from 'millrace/protocol';

import { blockEvents, messageStart, sse } from './streams.ts';

/** How a connection ends: `end` properly, though before the end of the answer. */
export type CutBy = 'end' | 'fin' | 'rst' | 'stall';

export interface CutServer extends AsyncDisposable {
  readonly url: string;
}

/** What an answer is made of. */
export interface Transcript {
  /** The whole response body. */
  readonly bytes: Uint8Array;
  /** The text of its text block, if it has one. */
  readonly text: string;
  /** What comes behind the text block, when that is the first block. */
  readonly behindText: readonly StreamEvent[];
}

export function toTranscript(bytes: Uint8Array): Transcript {
  const decoder = new StreamEventDecoder();
  const events = [...decoder.push(bytes), ...decoder.end()];
  let text = '';
  let textIndex: number | undefined;
  const behindText: StreamEvent[] = [];
  let isBehind = false;
  for (const event of events) {
    if (isBehind)
      behindText.push('index' in event ? { ...event, index: Number(event.index) - (textIndex ?? 0) } : event);
    else if (event.type === 'content_block_start' && event.content_block.type === 'text')
      textIndex = event.index;
    else if (event.type === 'content_block_delta' && event.delta.type === 'text_delta')
      text += event.delta.text;
    else if (event.type === 'content_block_stop' && event.index === textIndex) isBehind = true;
  }
  return { bytes, text, behindText };
}

/** What the model does where it is asked to go on: by default it says exactly the rest. */
export type GoOn = (before: string, rest: string) => string;

/**
 * Each request says by the header `x-cut` where it breaks off, as `BYTE BY`; without it the answer is whole. A
 * request that holds the beginning of the text gets the rest of it, unbroken.
 */
export async function startCutServer(
  transcript: Transcript,
  goOn: GoOn = (_, rest) => rest,
): Promise<CutServer> {
  const server = createServer((request, response) => {
    void readBody(request).then((body) => {
      response.writeHead(200, {
        'content-type': 'text/event-stream; charset=utf-8',
        'request-id': 'req_cut',
      });
      const begun = beginningIn(body);
      if (begun !== undefined)
        return response.end(restOf(transcript, goOn(begun, transcript.text.slice(begun.length))));
      const [at = '', by = ''] = String(request.headers['x-cut'] ?? '').split(' ');
      if (at === '' || isRepeated(request)) return response.end(transcript.bytes);
      const bytes = transcript.bytes.subarray(0, Number(at));
      response.flushHeaders();
      response.write(bytes, () => {
        if (by === 'end') response.end();
        if (by === 'fin') response.socket?.end();
        // Resetting throws away what the client has not taken yet: it gets a turn before.
        if (by === 'rst') setImmediate(() => response.socket?.resetAndDestroy());
      });
      return undefined;
    });
  });
  const url = await listen(server);
  const seen = new Set<string>();
  /** A cut is for the first request that names it; a retry gets the whole answer. */
  function isRepeated({ headers }: IncomingMessage): boolean {
    const name = headers['x-cut-once'];
    if (typeof name !== 'string') return false;
    if (seen.has(name)) return true;
    seen.add(name);
    return false;
  }
  return {
    url,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function readBody(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request.setEncoding('utf8')) body += chunk as string;
  return body;
}

interface Turn {
  readonly role: string;
  readonly content: string | readonly { readonly type: string; readonly text?: string }[];
}

/** The text of the answer's beginning, when the request holds one. */
function beginningIn(body: string): string | undefined {
  const { messages } = JSON.parse(body) as { messages: readonly Turn[] };
  const turn = messages.findLast(({ role }) => role === 'assistant');
  if (turn === undefined) return undefined;
  if (typeof turn.content === 'string') return turn.content;
  return turn.content.map(({ type, text }) => (type === 'text' ? text : '')).join('');
}

/** An answer of its own, as every response is: it begins at index 0. */
function restOf({ behindText }: Transcript, text: string): string {
  const deltas = text.match(/[^]{1,9}/gu) ?? [];
  const block = blockEvents(
    0,
    { type: 'text', text: '' },
    deltas.map((piece) => ({ type: 'text_delta', text: piece })),
  );
  const start = sse(messageStart, ...(deltas.length > 0 ? block : []));
  return start + sse(...behindText);
}
