// A relay that does what a test tells it, over real sockets: for what the real one does only when something breaks.

import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { encodeSse } from 'millrace/protocol';
import type { StreamEvent } from 'millrace/protocol';
import { contentSecurityPolicy, servePage } from './built-page.ts';
import type { BuiltFiles } from './built-page.ts';

/** A request of the page for a stream. It waits until the test answers it. */
interface StreamRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: { messages: { role: string; content: { text: string }[] }[]; [field: string]: unknown };
  /** Begins the answer; events are numbered from `after` + 1 on. */
  stream(id: string, after?: number): StreamSender;
  refuse(
    status: number,
    error: { type: string; message: string; details?: object },
    headers?: Record<string, string>,
  ): void;
  /** Breaks the connection without an answer. */
  drop(): void;
}

interface StreamSender {
  send(...events: StreamEvent[]): void;
  /** Breaks the connection. */
  drop(): void;
}

export interface StubRelay extends AsyncDisposable {
  readonly origin: string;
  info: object;
  /** The ids of the streams the page has asked to stop. */
  readonly stopped: string[];
  /** What the next stop is answered with. */
  stopStatus: number;
  /** The next request for a stream, when it comes. */
  next(): Promise<StreamRequest>;
}

export const simulatedInfo = { version: '0.1.0', simulated: true, model: 'claude-test-1', max_tokens: 512 };

export async function startStubRelay(files: BuiltFiles): Promise<StubRelay> {
  const arrived: StreamRequest[] = [];
  const awaited: ((request: StreamRequest) => void)[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = request.url ?? '';
    if (path === '/relay.json') return json(response, 200, relay.info);
    const stopped = /^\/streams\/([^/]+)\/stop$/.exec(path)?.[1];
    if (stopped !== undefined) {
      relay.stopped.push(stopped);
      return json(response, relay.stopStatus, {});
    }
    if (!path.startsWith('/streams')) return json(response, 404, {});
    const asked = await toStreamRequest(request, response);
    const waiting = awaited.shift();
    if (waiting === undefined) arrived.push(asked);
    else waiting(asked);
  };
  const server = await servePage(files, {
    policy: contentSecurityPolicy,
    fallback: (request, response) => void answer(request, response),
  });
  const relay: StubRelay = {
    origin: server.origin,
    info: simulatedInfo,
    stopped: [],
    stopStatus: 200,
    next: () => {
      const request = arrived.shift();
      return request === undefined
        ? new Promise((resolve) => awaited.push(resolve))
        : Promise.resolve(request);
    },
    [Symbol.asyncDispose]: () => server.close(),
  };
  return relay;
}

function json(response: ServerResponse, status: number, value: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

async function toStreamRequest(request: IncomingMessage, response: ServerResponse): Promise<StreamRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  const drop = (): void => {
    response.destroy();
  };
  return {
    method: request.method ?? '',
    path: request.url ?? '',
    headers: request.headers,
    body: (text === '' ? {} : JSON.parse(text)) as StreamRequest['body'],
    stream: (id, after = 0) => {
      let sequence = after;
      response.writeHead(200, { 'content-type': 'text/event-stream', 'x-stream-id': id });
      response.flushHeaders();
      const send = (...events: StreamEvent[]): void => {
        assert.ok(!response.destroyed, 'somebody is there to read it');
        for (const event of events) response.write(`id: 7-${(sequence += 1)}\n${encodeSse(event)}`);
        if (['message_stop', 'error'].includes(events.at(-1)?.type ?? '')) response.end();
      };
      return { send, drop };
    },
    refuse: (status, error, headers = {}) => {
      for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
      json(response, status, { type: 'error', error, request_id: 'req_stub' });
    },
    drop,
  };
}

/** The events of an answer, for tests to send. */
export const events = {
  start: {
    type: 'message_start',
    message: {
      id: 'msg_1',
      type: 'message',
      role: 'assistant',
      model: 'claude-test-1',
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: { input_tokens: 12, output_tokens: 1 },
    },
  },
  textBlock: (index = 0): StreamEvent => block(index, { type: 'text', text: '' }),
  text: (text: string, index = 0): StreamEvent => delta(index, { type: 'text_delta', text }),
  thinkingBlock: (index = 0): StreamEvent => block(index, { type: 'thinking', thinking: '', signature: '' }),
  thinking: (thinking: string, index = 0): StreamEvent => delta(index, { type: 'thinking_delta', thinking }),
  toolBlock: (name: string, index = 0): StreamEvent =>
    block(index, { type: 'tool_use', id: 'toolu_1', name, input: {} }),
  input: (partial_json: string, index = 0): StreamEvent =>
    delta(index, { type: 'input_json_delta', partial_json }),
  stopBlock: (index = 0): StreamEvent => ({ type: 'content_block_stop', index }),
  end: (stop_reason = 'end_turn', output_tokens = 34, details: object = {}): StreamEvent[] => [
    {
      type: 'message_delta',
      delta: { stop_reason, stop_sequence: null, ...details },
      usage: { output_tokens },
    },
    { type: 'message_stop' },
  ],
  stopped: {
    type: 'error',
    error: { type: 'api_error', message: 'The answer was stopped', details: { code: 'stopped' } },
  },
} satisfies Record<string, StreamEvent | ((...values: never[]) => StreamEvent | StreamEvent[])>;

type Delta = Extract<StreamEvent, { type: 'content_block_delta' }>['delta'];
type Block = Extract<StreamEvent, { type: 'content_block_start' }>['content_block'];

function delta(index: number, delta: Delta): StreamEvent {
  return { type: 'content_block_delta', index, delta };
}

function block(index: number, content_block: Block): StreamEvent {
  return { type: 'content_block_start', index, content_block };
}

/** A whole answer of one text. */
export function answerOf(text: string): StreamEvent[] {
  return [events.start, events.textBlock(), events.text(text), events.stopBlock(), ...events.end()];
}
