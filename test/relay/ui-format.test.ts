// The UI message stream, read by the AI SDK itself.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { MessageAccumulator, SseDecoder } from 'millrace/protocol';
import type { ContentBlock, StreamEvent, TextBlock, TextCitation } from 'millrace/protocol';
import type { LogEntry, LogRecord } from 'millrace/storage';
import { createUiEncoder } from '../../src/relay/formats/ui-format.ts';
import type { UiFormatOptions } from '../../src/relay/formats/ui-format.ts';
import { anyRecord } from '../support/any-record.ts';
import { blockEvents, messageEnd, messageStart, textEvents, toolEvents } from '../support/streams.ts';
import { libraries, readUiText } from '../support/ui-client.ts';

const open: LogRecord = { type: 'open', owner: 'local', request: '{}', createdAt: 0 };
const complete: LogRecord = { type: 'end', ending: { type: 'complete' } };
const failed: LogRecord = { type: 'end', ending: { type: 'failed', code: 'truncated', message: 'Cut off' } };
const stopped: LogRecord = { type: 'end', ending: { type: 'stopped' } };

const recordOf = (event: StreamEvent): LogRecord => ({
  type: 'event',
  event: event.type,
  data: JSON.stringify(event),
});

const answer = (...events: readonly StreamEvent[]): LogRecord[] => [
  open,
  ...[messageStart, ...events, ...messageEnd].map(recordOf),
  complete,
];

const entriesOf = (records: readonly LogRecord[]): LogEntry[] =>
  records.map((record, index) => ({ id: { epoch: 1, sequence: index + 1 }, record }));

function textOf(records: readonly LogRecord[], options: Partial<UiFormatOptions> = {}): string {
  const encoder = createUiEncoder({ streamId: 'stream', version: 7, isReplay: false, ...options });
  return entriesOf(records)
    .map((entry) => encoder.encode(entry))
    .join('');
}

const chunksOf = (records: readonly LogRecord[], options?: Partial<UiFormatOptions>): unknown[] =>
  new SseDecoder()
    .push(textOf(records, options))
    .map(({ data }): unknown => (data === '[DONE]' ? data : JSON.parse(data)));

const versions = [6, 7] as const;

test('the ui format says an answer in the parts of the AI SDK, its id in the last frame of each entry', () => {
  const usage = { input_tokens: 9, output_tokens: 5 };
  assert.deepEqual(chunksOf(answer(...textEvents(0, 'Hé', 'llo'))), [
    { type: 'start', messageId: 'stream' },
    { type: 'start-step' },
    { type: 'message-metadata', messageMetadata: { model: 'claude-sonnet-5' } },
    { type: 'text-start', id: '1' },
    { type: 'text-delta', id: '1', delta: 'Hé' },
    { type: 'text-delta', id: '1', delta: 'llo' },
    { type: 'text-end', id: '1' },
    { type: 'finish-step' },
    {
      type: 'finish',
      finishReason: 'stop',
      messageMetadata: {
        model: 'claude-sonnet-5',
        stop_reason: 'end_turn',
        usage,
        ending: { type: 'complete' },
      },
    },
    '[DONE]',
  ]);
  const none = undefined;
  const ids = new SseDecoder().push(textOf(answer(...textEvents(0, 'a')))).map(({ id }) => id);
  assert.deepEqual(ids, ['1-1', none, '1-2', '1-3', '1-4', '1-5', none, none, '1-8']);
});

test('the ui format keeps what has to go back to the API with the part it belongs to', () => {
  const call = { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: {} } as const;
  const result = { type: 'web_search_tool_result', tool_use_id: 'srvtoolu_1', content: [] } as const;
  const found = {
    type: 'web_search_result_location',
    url: 'https://a.example/',
    title: 'A',
    cited_text: 'a',
    encrypted_index: 'x',
  } as const;
  const chunks = chunksOf(
    answer(
      ...blockEvents(0, { type: 'thinking', thinking: '' }, [
        { type: 'thinking_delta', thinking: 'hm' },
        { type: 'signature_delta', signature: 'c2ln' },
      ]),
      ...blockEvents(1, { type: 'redacted_thinking', data: 'ZGF0YQ==' }, []),
      ...blockEvents(2, call, [{ type: 'input_json_delta', partial_json: '{"query":"a"}' }]),
      ...blockEvents(3, { ...result, content: [] }, []),
      ...blockEvents(4, { type: 'text', text: '' }, [
        { type: 'citations_delta', citation: found },
        { type: 'text_delta', text: 'A.' },
      ]),
      ...blockEvents(5, { type: 'container_upload', file_id: 'file_1' }, []),
    ),
  );
  const called = { toolCallId: 'srvtoolu_1', dynamic: true, providerExecuted: true };
  const source = { type: 'source', id: 'source-1', sourceType: 'url', url: 'https://a.example/', title: 'A' };
  const calledBy = { providerMetadata: { millrace: { block: { type: 'server_tool_use' } } } };
  assert.deepEqual(chunks.slice(3, -3), [
    { type: 'reasoning-start', id: '1' },
    { type: 'reasoning-delta', id: '1', delta: 'hm' },
    { type: 'reasoning-end', id: '1', providerMetadata: { anthropic: { signature: 'c2ln' } } },
    { type: 'reasoning-start', id: '2' },
    { type: 'reasoning-end', id: '2', providerMetadata: { anthropic: { redactedData: 'ZGF0YQ==' } } },
    { type: 'tool-input-start', toolName: 'web_search', ...called, ...calledBy },
    { type: 'tool-input-delta', toolCallId: 'srvtoolu_1', inputTextDelta: '{"query":"a"}' },
    {
      type: 'tool-input-available',
      toolName: 'web_search',
      ...called,
      input: { query: 'a' },
      ...calledBy,
    },
    {
      type: 'tool-output-available',
      ...called,
      output: [],
      providerMetadata: { millrace: { block: { type: 'web_search_tool_result' } } },
    },
    { type: 'text-start', id: '3' },
    { type: 'source-url', sourceId: 'source-1', url: 'https://a.example/', title: 'A' },
    { type: 'text-delta', id: '3', delta: 'A.' },
    {
      type: 'text-end',
      id: '3',
      providerMetadata: { anthropic: { citations: [found] } },
      citations: [{ source, startIndex: 0, endIndex: 2, citedText: 'a' }],
    },
    { type: 'data-block', data: { type: 'container_upload', file_id: 'file_1' } },
  ]);
});

test('the ui format ends in `finish` only when the answer is whole', () => {
  const begun = answer(...textEvents(0, 'Half'), ...toolEvents(1, '{"ci')).slice(0, -4);
  const ends = (end: LogRecord, version: 6 | 7): unknown[] =>
    chunksOf([...begun, end], { version })
      .slice(-5)
      .filter((chunk) => (chunk as { type?: string }).type !== 'tool-input-delta');
  const metadata = (ending: object): object => ({
    type: 'message-metadata',
    messageMetadata: {
      model: 'claude-sonnet-5',
      usage: { input_tokens: 9, output_tokens: 1 },
      ending,
    },
  });
  const cut = { type: 'failed', code: 'truncated', message: 'Cut off' };
  const error = { type: 'error', errorText: 'Cut off' };
  const interrupted = { type: 'finish', finishReason: 'interrupted' };
  const abort = { type: 'abort', reason: 'The answer was stopped' };
  assert.deepEqual(ends(failed, 6).slice(-3), [metadata(cut), error, '[DONE]']);
  assert.deepEqual(ends(failed, 7).slice(-4), [metadata(cut), interrupted, error, '[DONE]']);
  assert.deepEqual(ends(stopped, 6).slice(-3), [metadata({ type: 'stopped' }), abort, '[DONE]']);
  assert.deepEqual(ends(stopped, 7).slice(-4), [metadata({ type: 'stopped' }), interrupted, abort, '[DONE]']);
});

test('the ui format takes blocks back for ai 7 and says again what stands; for ai 6 it ends with an error', async () => {
  const records = [
    open,
    ...[
      messageStart,
      ...textEvents(0, 'Stays'),
      ...blockEvents(1, { type: 'thinking', thinking: 'gone' }, []).slice(0, -1),
    ].map(recordOf),
    { type: 'rewind', fromIndex: 1 } as const,
    ...[...textEvents(1, ' and goes on'), ...messageEnd].map(recordOf),
    complete,
  ];
  const { message, errors } = await readUiText(textOf(records), libraries[7]);
  assert.deepEqual(errors, []);
  assert.deepEqual(
    message?.parts.map((part) => [part.type, 'text' in part ? part.text : '']),
    [
      ['step-start', ''],
      ['text', 'Stays'],
      ['text', ' and goes on'],
    ],
  );
  const before = await readUiText(textOf(records, { version: 6 }), libraries[6]);
  assert.match(String(before.errors[0]), /written anew: ask again/);
  // Who comes back behind the error gets it again.
  const last = textOf(records, { version: 6 }).split('id: ').at(-1);
  assert.match(last ?? '', /^1-[0-9]+\ndata: \[DONE\]/);
});

test('the ui format begins anew after a reset for ai 7, under the same message id', async () => {
  const encoder = createUiEncoder({ streamId: 's', version: 7, isReplay: false });
  const say = (records: readonly LogRecord[]): string =>
    entriesOf(records)
      .map((entry) => encoder.encode(entry))
      .join('');
  const first = say(answer(...textEvents(0, 'Old')).slice(0, -1));
  const reset = encoder.reset({ epoch: 0, sequence: 0 });
  const text = `${first}${reset}${say(answer(...textEvents(0, 'New')))}`;
  const { message, errors } = await readUiText(text, libraries[7]);
  assert.deepEqual(errors, []);
  assert.equal(message?.id, 's');
  assert.deepEqual(
    message?.parts.map(({ type }) => type),
    ['step-start', 'text'],
  );
  assert.ok(JSON.stringify(message?.parts).includes('New'));
  assert.equal(
    createUiEncoder({ streamId: 's', version: 6, isReplay: false }).reset({ epoch: 0, sequence: 0 }),
    undefined,
  );
});

test('the ui format says the steps before an answer that goes on with a message to who reads it anew', async () => {
  const request = JSON.stringify({
    messages: [
      { role: 'user', content: [{ type: 'text', text: 'Weather?' }] },
      {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: 'hm', signature: 'c2ln' },
          { type: 'tool_use', id: 't1', name: 'get_weather', input: { city: 'Rome' } },
        ],
      },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't1', content: 'Sunny' }] },
    ],
  });
  const records = answer(...textEvents(0, 'It is sunny.'));
  records[0] = { ...open, request, messageId: 'message-1' } as LogRecord;
  for (const version of versions) {
    const { message, errors } = await readUiText(
      textOf(records, { version, isReplay: true }),
      libraries[version],
    );
    assert.deepEqual(errors, []);
    assert.equal(message?.id, 'message-1');
    assert.deepEqual(
      message?.parts.map(({ type }) => type),
      ['step-start', 'reasoning', 'dynamic-tool', 'step-start', 'text'],
    );
    const tool = message?.parts[2] as { state: string; input: unknown; output: unknown };
    assert.deepEqual([tool.state, tool.input, tool.output], ['output-available', { city: 'Rome' }, 'Sunny']);
  }
  const once = chunksOf(records);
  assert.deepEqual(once.slice(0, 2), [{ type: 'start', messageId: 'message-1' }, { type: 'start-step' }]);
});

const anyBlock: fc.Arbitrary<ContentBlock> = fc.constantFrom<ContentBlock>(
  { type: 'text', text: '' },
  {
    type: 'text',
    text: 'begun',
    citations: [{ type: 'search_result_location', source: 'S' } as TextCitation],
  },
  { type: 'thinking', thinking: '' },
  { type: 'redacted_thinking', data: 'x' },
  { type: 'tool_use', id: 'a', name: 'n', input: {} },
  { type: 'server_tool_use', id: 'b', name: 'web_search', input: {} },
  { type: 'web_search_tool_result', tool_use_id: 'b', content: [] },
  { type: 'mcp_tool_result', tool_use_id: 'c', is_error: true, content: 'no' },
  { type: 'compaction', content: null },
);

/** Events that are sound each, in any order. */
const anyDisorder: fc.Arbitrary<LogRecord[]> = fc
  .array(
    fc.oneof(
      fc.record({
        type: fc.constant('content_block_start'),
        index: fc.nat({ max: 2 }),
        content_block: anyBlock,
      }),
      fc.record({
        type: fc.constant('content_block_delta'),
        index: fc.nat({ max: 2 }),
        delta: fc.constantFrom(
          { type: 'text_delta', text: 'a' },
          { type: 'thinking_delta', thinking: 'b' },
          { type: 'signature_delta', signature: 's' },
          { type: 'citations_delta', citation: { type: 'page_location', document_title: 'T' } },
          { type: 'unknown_delta' },
        ),
      }),
      fc.record({ type: fc.constant('content_block_stop'), index: fc.nat({ max: 2 }) }),
      fc.record({ type: fc.constantFrom('ping', 'unknown') }),
    ),
    { maxLength: 12 },
  )
  .chain((events) =>
    fc
      .record({ rewindAt: fc.nat({ max: 12 }), fromIndex: fc.nat({ max: 2 }) })
      .map(({ rewindAt, fromIndex }) => {
        const records = events.map((event) => recordOf(event as StreamEvent));
        return records.toSpliced(rewindAt, 0, { type: 'rewind', fromIndex });
      }),
  );

describe('the ui format breaks no client', () => {
  const isOurs = (error: unknown): boolean =>
    !['AI_UIMessageStreamError', 'AI_TypeValidationError', 'AI_JSONParseError'].includes(
      (error as Error).name,
    );

  for (const version of versions) {
    test(`of ai ${version}, whatever the events and their order`, async () => {
      const ends = fc.constantFrom(complete, failed, stopped);
      await fc.assert(
        fc.asyncProperty(anyDisorder, ends, fc.boolean(), async (records, end, hasStart) => {
          const start = hasStart ? [open, recordOf(messageStart)] : [];
          const text = textOf([...start, ...records, end], { version });
          const { chunks, errors } = await readUiText(text, libraries[version]);
          assert.equal(chunks[0]?.type, 'start');
          assert.deepEqual(
            errors.filter((error) => !isOurs(error)),
            [],
          );
          assert.match(text, /data: \[DONE\]\n\n$/);
        }),
        { numRuns: 200 },
      );
    });

    test(`of ai ${version}, whatever a log holds`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(anyRecord()), async (records) => {
          const { errors } = await readUiText(textOf(records, { version }), libraries[version]);
          assert.deepEqual(
            errors.filter((error) => !isOurs(error)),
            [],
          );
        }),
        { numRuns: 200 },
      );
    });
  }
});

test('the text of a message in ai 7 is that of the answer, wherever blocks were taken back', async () => {
  const piece = fc.constantFrom('a', 'Hé', '\n\n', '😀');
  const blocks = fc.array(
    fc.record({
      kind: fc.constantFrom('text', 'thinking'),
      pieces: fc.array(piece),
      isOpen: fc.boolean(),
      back: fc.nat({ max: 3 }),
    }),
    { maxLength: 6 },
  );
  await fc.assert(
    fc.asyncProperty(blocks, async (list) => {
      const accumulator = new MessageAccumulator();
      const records: LogRecord[] = [open];
      const push = (event: StreamEvent): void => {
        accumulator.push(event);
        records.push(recordOf(event));
      };
      push(messageStart);
      let index = 0;
      for (const { kind, pieces, isOpen, back } of list) {
        const block: ContentBlock =
          kind === 'text' ? { type: 'text', text: '' } : { type: 'thinking', thinking: '' };
        const events = blockEvents(
          index,
          block,
          pieces.map((text) =>
            kind === 'text' ? { type: 'text_delta', text } : { type: 'thinking_delta', thinking: text },
          ),
        );
        for (const event of isOpen ? events.slice(0, -1) : events) push(event);
        index += 1;
        if (back === 0 && !isOpen) continue;
        const fromIndex = Math.max(0, index - Math.max(back, isOpen ? 1 : 0));
        index = accumulator.rewind(fromIndex);
        records.push({ type: 'rewind', fromIndex });
      }
      messageEnd.forEach(push);
      const { message, errors } = await readUiText(textOf([...records, complete]), libraries[7]);
      assert.deepEqual(errors, []);
      const shown = message?.parts.map((part) => (part.type === 'text' ? part.text : '')).join('');
      const held = accumulator.message?.content.map((block) =>
        block.type === 'text' ? (block as TextBlock).text : '',
      );
      assert.equal(shown, held?.join(''));
    }),
    { numRuns: 200 },
  );
});
