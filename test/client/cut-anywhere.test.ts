// Recorded answers cut at every byte, in every way a connection can end: none is taken for whole, none hangs, and
// with recovery the reader gets what an unbroken answer would have given.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  ApiError,
  ConnectionError,
  Millrace,
  ProtocolError,
  ResponseError,
  TimeoutError,
  TruncatedError,
} from 'millrace/client';
import type { Message, MessageStream } from 'millrace/client';
import { createNodeTransport } from 'millrace/client/node';
import { MessageAccumulator, StreamEventDecoder } from 'millrace/protocol';
import { startCutServer, toTranscript } from '../support/cut-server.ts';
import type { CutBy, Transcript } from '../support/cut-server.ts';
import { IdleClock } from '../support/idle-clock.ts';
import { sharedFolder, sharedSkip } from '../support/requirements.ts';

const recordings = {
  'text of several bytes a character':
    'traceloop-openllmetry__test_async_anthropic_message_stream_manager_with_events_with_no_content.sse',
  'thinking, text and a tool': '0xPlaygrounds-rig__reasoning_usage_matrix-streaming_tool_use_terminal.sse',
  'a table': 'DataDog-dd-trace-js__claude-agent-sdk_v1_messages_beta_true_post_750df9ce.sse',
} as const;

const ways: readonly CutBy[] = ['end', 'fin', 'rst', 'stall'];

const params = {
  model: 'claude-sonnet-5',
  max_tokens: 4000,
  messages: [{ role: 'user' as const, content: 'Hi' }],
};

/** Streams that are open at once. */
const width = 32;

function readTranscript(file: string): Transcript {
  return toTranscript(new Uint8Array(readFileSync(join(sharedFolder() ?? '', 'streams/recorded', file))));
}

async function forAll<Item>(items: readonly Item[], use: (item: Item) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const item = items[next] as Item;
      next += 1;
      await use(item);
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
}

function offsets({ bytes }: Transcript): number[] {
  return Array.from({ length: bytes.length }, (_, offset) => offset);
}

/** The place from which on the answer is whole: the two line feeds at the end say nothing more. */
function wholeFrom({ bytes }: Transcript): number {
  return bytes.length - 2;
}

function isTyped(error: unknown): boolean {
  return [ApiError, ConnectionError, ProtocolError, ResponseError, TimeoutError, TruncatedError].some(
    (type) => error instanceof type,
  );
}

async function endOf(stream: MessageStream): Promise<unknown> {
  return stream.done().then(
    () => undefined,
    (error: unknown) => error,
  );
}

/** What the whole bytes add up to. */
function messageOf({ bytes }: Transcript): Message {
  const accumulator = new MessageAccumulator();
  const decoder = new StreamEventDecoder();
  for (const event of [...decoder.push(bytes), ...decoder.end()]) accumulator.push(event);
  return structuredClone(accumulator.message) as Message;
}

for (const [name, file] of Object.entries(recordings)) {
  for (const by of ways) {
    const title = `an answer of ${name} that is cut at any byte by ${by}`;

    test(
      `${title} ends typed, with what had arrived`,
      { skip: sharedSkip(), timeout: 120_000 },
      async (t) => {
        const transcript = readTranscript(file);
        await using server = await startCutServer(transcript);
        const clock = new IdleClock();
        const client = new Millrace({
          apiKey: 'k',
          baseURL: server.url,
          transport: createNodeTransport({ env: {} }),
          retry: { maxRetries: 0 },
          timeouts: { headersMs: Infinity },
          ...(by === 'stall' ? { clock } : {}),
        });
        const endings: Record<string, number> = {};
        await forAll(offsets(transcript), async (offset) => {
          const stream = client.messages.stream(params, { headers: { 'x-cut': `${offset} ${by}` } });
          const ended = endOf(stream);
          const error = await (by === 'stall' ? clock.until(ended, Infinity) : ended);
          const ending = stream.ending?.type ?? 'none';
          endings[ending] = (endings[ending] ?? 0) + 1;
          if (offset >= wholeFrom(transcript)) return;
          assert.notEqual(ending, 'complete', `cut at ${offset}: taken for whole`);
          assert.ok(isTyped(error), `cut at ${offset}: ${String(error)}`);
          const text = stream.currentMessage?.content
            .map((block) => (block.type === 'text' ? block.text : ''))
            .join('');
          assert.ok(
            transcript.text.startsWith(text ?? ''),
            `cut at ${offset}: the text is not the beginning`,
          );
        });
        t.diagnostic(`${transcript.bytes.length} cuts: ${JSON.stringify(endings)}`);
        assert.equal(
          Object.values(endings).reduce((sum, count) => sum + count, 0),
          transcript.bytes.length,
        );
      },
    );

    test(
      `${title} is gone on with, and no character is lost or doubled`,
      { skip: sharedSkip(), timeout: 120_000 },
      async (t) => {
        const transcript = readTranscript(file);
        await using server = await startCutServer(transcript);
        const clock = new IdleClock();
        const client = new Millrace({
          apiKey: 'k',
          baseURL: server.url,
          transport: createNodeTransport({ env: {} }),
          recover: true,
          random: () => 0,
          timeouts: { headersMs: Infinity },
          ...(by === 'stall' ? { clock } : {}),
        });
        const whole = messageOf(transcript);
        const counts = { whole: 0, 'behind a tool call': 0 };
        await forAll(offsets(transcript), async (offset) => {
          const headers = { 'x-cut': `${offset} ${by}`, 'x-cut-once': `${offset}` };
          const stream = client.messages.stream(params, { headers });
          const ended = endOf(stream);
          const error = await (by === 'stall' ? clock.until(ended, Infinity) : ended);
          const message = stream.currentMessage;
          // A finished tool call may be running already: nobody asks for it again.
          if (error !== undefined && message?.content.some(({ type }) => type === 'tool_use')) {
            assert.ok(isTyped(error));
            counts['behind a tool call'] += 1;
            return;
          }
          assert.equal(error, undefined, `cut at ${offset}: ${String(error)}`);
          assert.deepEqual(message?.content, whole.content, `cut at ${offset}`);
          assert.equal(message?.stop_reason, whole.stop_reason);
          counts.whole += 1;
        });
        t.diagnostic(JSON.stringify(counts));
        assert.equal(counts.whole + counts['behind a tool call'], transcript.bytes.length);
      },
    );
  }
}
