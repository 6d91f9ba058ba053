// The processes of the relay's benchmark: an upstream that paces its streams, the relay, and the bare pipe that it is
// held against. Each is one process, so that its CPU time is its own.

import { createServer, request as httpRequest } from 'node:http';
import { createServer as createRawServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { createNodeTransport } from 'millrace/client/node';
import { createMeterTelemetry, createRelay } from 'millrace/relay';
import { startRelayServer } from 'millrace/relay/node';
import { SqliteStreamLog } from 'millrace/storage/sqlite';
import { PrometheusMeter } from '../src/cli/metrics/prometheus-meter.ts';
import { createYoungGeneration } from '../src/cli/young-generation.ts';

export type ToRelayServer =
  | {
      readonly type: 'start';
      readonly server: RelayServerName;
      readonly upstreamPort: number;
      readonly file: string;
    }
  | { readonly type: 'measure' };

export type FromRelayServer =
  | { readonly type: 'started'; readonly port: number }
  | { readonly type: 'measured'; readonly cpuMs: number; readonly rssBytes: number };

export type RelayServerName = keyof typeof servers;

type Start = Extract<ToRelayServer, { type: 'start' }>;

/** Between the events of one stream: 50 a second. */
const gapMs = 20;

const head =
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\nrequest-id: req_bench\r\n' +
  'transfer-encoding: chunked\r\nconnection: keep-alive\r\n\r\n';

function chunk(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
}

function frame(type: string, fields: object): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}      }\n\n`.replace(
    '}      }',
    '      }',
  );
}

const opening =
  frame('message_start', {
    message: {
      id: 'msg_bench',
      type: 'message',
      role: 'assistant',
      model: 'claude-sonnet-5',
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: { input_tokens: 9, output_tokens: 1 },
    },
  }) + frame('content_block_start', { index: 0, content_block: { type: 'text', text: '' } });
const ending =
  frame('content_block_stop', { index: 0 }) +
  frame('message_delta', {
    delta: { stop_reason: 'end_turn', stop_sequence: null },
    usage: { output_tokens: 500 },
  }) +
  frame('message_stop', {});

/** Each delta says when it was written, in microseconds of the system's clock. */
function delta(): string {
  const text = ` written at ${process.hrtime.bigint() / 1000n};`;
  return frame('content_block_delta', { index: 0, delta: { type: 'text_delta', text } });
}

/** The events that a stream has are asked for by `max_tokens`. */
function startUpstream(): Promise<number> {
  const server = createRawServer((socket) => {
    let received = '';
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      received += bytes.toString();
      const body = received.slice(received.indexOf('\r\n\r\n') + 4);
      const length = Number(/content-length: (\d+)/i.exec(received)?.[1]);
      if (!received.includes('\r\n\r\n') || body.length < length) return;
      received = '';
      answer(socket, (JSON.parse(body) as { max_tokens: number }).max_tokens);
    });
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

function answer(socket: Socket, eventCount: number): void {
  socket.write(head + chunk(opening));
  let sent = 0;
  // Not all at once: streams that begin together are written at different times.
  setTimeout(() => {
    const timer = setInterval(() => {
      sent += 1;
      if (sent <= eventCount) socket.write(chunk(delta()));
      if (sent < eventCount) return;
      clearInterval(timer);
      socket.write(`${chunk(ending)}0\r\n\r\n`);
    }, gapMs);
    socket.once('close', () => clearInterval(timer));
  }, Math.random() * gapMs);
}

/** What is the least that a process in between can do. */
function startPipe({ upstreamPort }: Start): Promise<number> {
  const server = createServer((message, response) => {
    const { method, url, headers } = message;
    const upstream = httpRequest({ host: '127.0.0.1', port: upstreamPort, method, path: url, headers });
    upstream.once('response', (from) => {
      response.writeHead(from.statusCode ?? 502, from.headers);
      from.pipe(response);
    });
    upstream.once('error', () => response.destroy());
    message.pipe(upstream);
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

async function startRelay({ upstreamPort, file }: Start): Promise<number> {
  const relay = createRelay({
    upstream: {
      baseURL: `http://127.0.0.1:${upstreamPort}`,
      transport: createNodeTransport(),
      apiKey: 'sk-bench',
    },
    log: SqliteStreamLog.open(file),
    settings: { simulated: false, version: '0', model: 'claude-sonnet-5', maxTokens: 4096 },
    // As `millrace serve` has it.
    telemetry: [createYoungGeneration(), createMeterTelemetry(new PrometheusMeter())],
  });
  return (await startRelayServer(relay, { port: 0 })).port;
}

const servers = { upstream: startUpstream, pipe: startPipe, relay: startRelay };

process.on('message', (message: ToRelayServer) => {
  if (message.type === 'start') {
    void servers[message.server](message).then((port) => process.send?.({ type: 'started', port }));
    return;
  }
  const { user, system } = process.cpuUsage();
  process.send?.({ type: 'measured', cpuMs: (user + system) / 1000, rssBytes: process.memoryUsage().rss });
});
process.once('disconnect', () => process.exit());
