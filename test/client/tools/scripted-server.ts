// A server whose answers are scripts of events, one for each request in turn: for what a model may do and the
// simulator does not.

import { Millrace } from 'millrace/client';
import type { ClientOptions } from 'millrace/client';
import type { StreamEvent } from 'millrace/protocol';
import { cleanEnd, startRawServer, streamResponse } from '../../support/raw-server.ts';
import type { RawAnswer } from '../../support/raw-server.ts';
import { messageStart, sse } from '../../support/streams.ts';

/** The events of an answer, or exactly what is to be sent. */
export type Script = readonly StreamEvent[] | RawAnswer;

export interface ScriptedServer extends AsyncDisposable {
  readonly client: Millrace;
  /** The bodies of the requests so far. */
  readonly bodies: readonly RequestBody[];
}

interface RequestBody {
  readonly messages: readonly { readonly role: string; readonly content: string | readonly WireBlock[] }[];
  readonly [field: string]: unknown;
}

/** A block as it was sent. */
export interface WireBlock {
  readonly type: string;
  readonly text?: string;
  readonly content?: string | readonly WireBlock[];
  readonly is_error?: boolean;
  readonly [field: string]: unknown;
}

/** The blocks of one message of a request: of the last, unless told otherwise. */
export function blocksIn(body: RequestBody | undefined, index = -1): readonly WireBlock[] {
  const content = body?.messages.at(index)?.content;
  return typeof content === 'string' ? [{ type: 'text', text: content }] : (content ?? []);
}

/** Requests beyond the last script get that one again. */
export async function startScripted(
  scripts: readonly Script[],
  options: ClientOptions = {},
): Promise<ScriptedServer> {
  let count = 0;
  const server = await startRawServer(() => {
    const script = scripts[Math.min(count, scripts.length - 1)]!;
    count += 1;
    return 'bytes' in script ? script : { bytes: streamResponse(sse(...script)) + cleanEnd, then: 'fin' };
  });
  const client = new Millrace({ apiKey: 'k', baseURL: server.url, retry: { maxRetries: 0 }, ...options });
  return {
    client,
    get bodies() {
      return server.requests.map(
        (request) => JSON.parse(request.slice(request.indexOf('\r\n\r\n'))) as RequestBody,
      );
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** What a result says; empty when that is no text. */
export function textOf(result: WireBlock | undefined): string {
  return typeof result?.content === 'string' ? result.content : '';
}

/** A whole answer with this stop reason. */
export function answer(stop_reason: string, ...blocks: readonly StreamEvent[][]): StreamEvent[] {
  return [messageStart, ...blocks.flat(), ...end(stop_reason)];
}

function end(stop_reason: string): StreamEvent[] {
  return [
    { type: 'message_delta', delta: { stop_reason, stop_sequence: null }, usage: { output_tokens: 5 } },
    { type: 'message_stop' },
  ];
}

/** A call, its input in these pieces. */
export function call(index: number, name: string, ...pieces: readonly string[]): StreamEvent[] {
  return [
    {
      type: 'content_block_start',
      index,
      content_block: { type: 'tool_use', id: `toolu_${index}`, name, input: {} },
    },
    ...pieces.map((partial_json): StreamEvent => ({
      type: 'content_block_delta',
      index,
      delta: { type: 'input_json_delta', partial_json },
    })),
    { type: 'content_block_stop', index },
  ];
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

export function errorOf(promise: Promise<unknown>): Promise<Error & { code?: unknown; status?: unknown }> {
  return promise.then(
    () => {
      throw new Error('It was to be rejected');
    },
    (error: Error) => error,
  );
}
