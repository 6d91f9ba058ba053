// Every recorded real stream against what the official SDK makes of it. The recordings are not part of the
// repository; where the folder is absent the tests say so.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  encodeSse,
  MessageAccumulator,
  parseStreamEvent,
  SseDecoder,
  StreamEventDecoder,
} from 'millrace/protocol';
import type { Ending } from 'millrace/protocol';
import { sharedFolder, sharedSkip } from '../support/requirements.ts';

interface Expected {
  readonly file: string;
  readonly final: Record<string, unknown> | null;
  readonly error: string | null;
  readonly final_error: string | null;
}

/** Where ours differs from the official SDK's result, and why it is better. */
const exceptions: Readonly<Record<string, { why: string; ending: Ending['type'] }>> = {
  '0xPlaygrounds-rig__streaming-gateway_message_delta_metadata.sse': {
    why: 'a gateway ends the body with `data: [DONE]`: it is tolerated, the SDK throws SyntaxError',
    ending: 'complete',
  },
  'anthropics-anthropic-sdk-python__fallback_credit_response.sse': {
    why: 'the last event lacks its blank line: its data is whole, so the answer is complete',
    ending: 'complete',
  },
  'anthropics-anthropic-sdk-python__tool_use_response.sse': {
    why: 'the last event lacks its blank line: its data is whole, so the answer is complete',
    ending: 'complete',
  },
  ...Object.fromEntries(
    [
      'vercel-ai__anthropic-programmatic-tool-calling.1.sse',
      'vercel-ai__anthropic-tool-search-bm25.1.sse',
      'vercel-ai__anthropic-tool-search-deferred-bm25.sse',
      'vercel-ai__anthropic-tool-search-deferred-regex.sse',
      'vercel-ai__anthropic-tool-search-regex.1.sse',
    ].map((file) => [
      file,
      {
        why: 'a recorder wrote several answers into one file: the first is complete at its message_stop',
        ending: 'complete' as const,
      },
    ]),
  ),
};

const skip = sharedSkip();
const folder = skip === false ? join(sharedFolder() ?? '', 'streams') : '';
const expected: readonly Expected[] =
  folder === ''
    ? []
    : readFileSync(join(folder, 'expected.jsonl'), 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Expected);

const bytesOf = (file: string) => readFileSync(join(folder, 'recorded', file));

function accumulate(chunks: readonly Uint8Array[]): MessageAccumulator {
  const decoder = new StreamEventDecoder();
  const accumulator = new MessageAccumulator();
  for (const chunk of chunks) for (const event of decoder.push(chunk)) accumulator.push(event);
  for (const event of decoder.end()) accumulator.push(event);
  accumulator.end();
  return accumulator;
}

/** The SDK adds a field of its own. */
function withoutParsedOutput({
  parsed_output: _,
  ...message
}: Record<string, unknown>): Record<string, unknown> {
  return message;
}

test('the recordings are all here', { skip }, () => {
  assert.ok(expected.length >= 400, `${expected.length} recordings`);
});

test('MessageAccumulator gives what the official SDK gives for every recorded stream', { skip }, () => {
  for (const { file, final } of expected.filter((item) => item.final !== null)) {
    const { ending, message } = accumulate([bytesOf(file)]);
    assert.equal(ending?.type, 'complete', file);
    assert.deepEqual(message, withoutParsedOutput(final ?? {}), file);
  }
});

test('MessageAccumulator fails where the official SDK fails, but for the named exceptions', { skip }, () => {
  const broken = expected.filter((item) => item.final === null);
  for (const { file, error, final_error } of broken) {
    const { ending, message } = accumulate([bytesOf(file)]);
    const exception = exceptions[file];
    assert.equal(ending?.type, exception?.ending ?? 'failed', `${file}: ${error ?? final_error}`);
    if (exception !== undefined) assert.ok((message?.content.length ?? 0) > 0, file);
  }
  assert.deepEqual(
    Object.keys(exceptions).toSorted(),
    broken.map(({ file }) => file).filter((file) => file in exceptions),
    'no exception stands here without its stream',
  );
});

test('the error events of recorded streams become typed errors with their status', { skip }, () => {
  const failures = expected
    .map(({ file }) => accumulate([bytesOf(file)]).ending)
    .flatMap((ending) => (ending?.type === 'failed' ? [ending.error] : []))
    .map((error) => ('status' in error ? `${error.status} ${error.type}` : error.code));
  assert.deepEqual(failures.toSorted(), [
    '500 api_error',
    '529 overloaded_error',
    '529 overloaded_error',
    '529 overloaded_error',
    'unexpected_event',
  ]);
});

test(
  'StreamEventDecoder agrees with SseDecoder and parseStreamEvent on every recorded stream',
  { skip },
  () => {
    for (const { file } of expected) {
      const bytes = bytesOf(file);
      const fused = new StreamEventDecoder();
      const plain = new SseDecoder();
      const ours = [...fused.push(bytes), ...fused.end()];
      const theirs = [...plain.push(bytes), ...plain.end()].map((sse) => parseStreamEvent(sse));
      assert.deepEqual(ours, theirs, file);
    }
  },
);

test('recorded streams give the same message in chunks of 1, 7 and 100 bytes', { skip }, () => {
  for (const { file } of expected) {
    const bytes = bytesOf(file);
    const whole = accumulate([bytes]);
    for (const size of bytes.length > 20_000 ? [100] : [1, 7, 100]) {
      const chunks: Uint8Array[] = [];
      for (let start = 0; start < bytes.length; start += size)
        chunks.push(bytes.subarray(start, start + size));
      assert.deepEqual(accumulate(chunks).message, whole.message, `${file} in chunks of ${size}`);
    }
  }
});

test('encodeSse() frames recorded events byte for byte, padding included', { skip }, () => {
  let frames = 0;
  for (const { file } of expected) {
    const body = bytesOf(file).toString('utf8');
    if (!body.endsWith('\n\n') || body.includes('\r')) continue;
    const events = new SseDecoder().push(body);
    assert.equal(events.map((event) => encodeSse(event)).join(''), body, file);
    frames += events.length;
  }
  assert.ok(frames > 10_000, `${frames} frames`);
});
