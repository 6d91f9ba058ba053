import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  ApiError,
  encodeSse,
  MessageAccumulator,
  ProtocolError,
  StreamEventDecoder,
} from 'millrace/protocol';
import type { ContentBlock, ContentBlockDelta, StreamEvent } from 'millrace/protocol';
import { cutBody, cuts, streamedMessage } from './arbitraries.ts';

const start: StreamEvent = {
  type: 'message_start',
  message: {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'claude-sonnet-5',
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: { input_tokens: 9, output_tokens: 1, cache_read_input_tokens: 5 },
  },
};
const block = (index: number, content_block: ContentBlock): StreamEvent => ({
  type: 'content_block_start',
  index,
  content_block,
});
const text = (index: number) => block(index, { type: 'text', text: '' });
const tool = (index: number) => block(index, { type: 'tool_use', id: 'toolu_1', name: 'f', input: {} });
const delta = (index: number, value: ContentBlockDelta): StreamEvent => ({
  type: 'content_block_delta',
  index,
  delta: value,
});
const say = (index: number, words: string) => delta(index, { type: 'text_delta', text: words });
const input = (index: number, partial_json: string) =>
  delta(index, { type: 'input_json_delta', partial_json });
const stop: StreamEvent = { type: 'message_stop' };

function accumulate(...events: readonly StreamEvent[]): MessageAccumulator {
  const accumulator = new MessageAccumulator();
  for (const event of events) accumulator.push(event);
  return accumulator;
}

test('MessageAccumulator gives the message back from its encoded stream: accumulate(decode(encode(x))) = x', () => {
  fc.assert(
    fc.property(streamedMessage, cuts, ({ events, message }, places) => {
      const body = new TextEncoder().encode(events.map((event) => encodeSse(event)).join(''));
      const decoder = new StreamEventDecoder();
      const accumulator = new MessageAccumulator();
      for (const chunk of cutBody(body, places))
        for (const event of decoder.push(chunk)) accumulator.push(event);
      assert.deepEqual(accumulator.message, message);
      assert.deepEqual(accumulator.ending, { type: 'complete', message });
    }),
    { numRuns: 500 },
  );
});

test('MessageAccumulator places blocks by index, whatever order they come in', () => {
  const { message } = accumulate(
    start,
    text(2),
    say(2, 'c'),
    text(0),
    say(0, 'a'),
    text(1),
    say(2, 'C'),
    say(1, 'b'),
  );
  assert.deepEqual(message?.content, [
    { type: 'text', text: 'a' },
    { type: 'text', text: 'b' },
    { type: 'text', text: 'cC' },
  ]);
});

test('MessageAccumulator keeps both blocks when an index begins again', () => {
  const { message } = accumulate(start, text(0), say(0, 'one'), text(1), say(1, 'x'), text(0), say(0, 'two'));
  assert.deepEqual(
    message?.content.map((item) => item['text' as keyof typeof item]),
    ['one', 'two', 'x'],
  );
});

test('MessageAccumulator begins a text or thinking block that has no content_block_start', () => {
  const { message, ending } = accumulate(
    start,
    delta(0, { type: 'thinking_delta', thinking: 'hm' }),
    delta(0, { type: 'signature_delta', signature: 'sig' }),
    say(1, 'text'),
    stop,
  );
  assert.deepEqual(message?.content, [
    { type: 'thinking', thinking: 'hm', signature: 'sig' },
    { type: 'text', text: 'text' },
  ]);
  assert.equal(ending?.type, 'complete');
});

test('MessageAccumulator fails when tool input comes for a block that never began', () => {
  const { message, ending } = accumulate(start, text(0), say(0, 'kept'), input(1, '{'));
  assert.ok(ending?.type === 'failed' && ending.error instanceof ProtocolError);
  assert.equal(ending.error.code, 'unexpected_event');
  assert.deepEqual(message?.content, [{ type: 'text', text: 'kept' }]);
});

test('MessageAccumulator overwrites usage, and null or absence keeps it', () => {
  const { message } = accumulate(
    start,
    { type: 'message_delta', delta: {}, usage: { output_tokens: 40, input_tokens: null } },
    {
      type: 'message_delta',
      delta: { stop_reason: 'end_turn' },
      usage: {
        output_tokens: 42,
        cache_read_input_tokens: null,
        server_tool_use: { web_search_requests: 1 },
      },
    },
    { type: 'message_delta', delta: { stop_reason: null } },
  );
  assert.deepEqual(message?.usage, {
    input_tokens: 9,
    output_tokens: 42,
    cache_read_input_tokens: 5,
    server_tool_use: { web_search_requests: 1 },
  });
  assert.equal(message?.stop_reason, 'end_turn');
});

test('MessageAccumulator assigns signatures and compactions', () => {
  const { message } = accumulate(
    start,
    block(0, { type: 'thinking', thinking: '', signature: '' }),
    delta(0, { type: 'signature_delta', signature: 'first' }),
    delta(0, { type: 'signature_delta', signature: 'second' }),
    block(1, { type: 'compaction', content: null }),
    delta(1, { type: 'compaction_delta', content: 'old' }),
    delta(1, { type: 'compaction_delta', content: 'summary', encrypted_content: 'e' }),
  );
  assert.deepEqual(message?.content, [
    { type: 'thinking', thinking: '', signature: 'second' },
    { type: 'compaction', content: 'summary', encrypted_content: 'e' },
  ]);
});

test('MessageAccumulator takes the model of a fallback block', () => {
  const fallback = {
    type: 'fallback',
    from: { model: 'claude-sonnet-5' },
    to: { model: 'claude-opus-4-8' },
  } as const;
  const { message } = accumulate(start, block(0, fallback), text(1), say(1, 'x'));
  assert.equal(message?.model, 'claude-opus-4-8');
  assert.deepEqual(message?.content[0], fallback);
});

test('MessageAccumulator collects citations where a block has none or null', () => {
  const citation = {
    type: 'char_location',
    cited_text: 'x',
    document_index: 0,
    document_title: null,
  } as const;
  const cite = (index: number) =>
    delta(index, {
      type: 'citations_delta',
      citation: { ...citation, start_char_index: 0, end_char_index: 1 },
    });
  const { message } = accumulate(
    start,
    text(0),
    cite(0),
    cite(0),
    block(1, { type: 'text', text: '', citations: null }),
    cite(1),
  );
  const counts = message?.content.map((item) => (item.type === 'text' ? item.citations?.length : undefined));
  assert.deepEqual(counts, [2, 1]);
});

test('MessageAccumulator keeps context_management, container and fields it has no name for', () => {
  const container = { id: 'container_1', expires_at: '2026-11-21T00:00:00Z' };
  const { message } = accumulate(start, {
    type: 'message_delta',
    delta: { stop_reason: 'end_turn', container },
    usage: { output_tokens: 3, new_tokens: 4 } as object,
    context_management: { applied_edits: [] },
    new_field: 'kept',
  } as StreamEvent);
  assert.deepEqual(message?.container, container);
  assert.deepEqual(message?.context_management, { applied_edits: [] });
  assert.equal((message as { new_field?: string } | undefined)?.new_field, 'kept');
  assert.equal((message.usage as { new_tokens?: number }).new_tokens, 4);
});

test('MessageAccumulator streams the input of tool_use, server_tool_use and mcp_tool_use alike', () => {
  for (const type of ['tool_use', 'server_tool_use', 'mcp_tool_use']) {
    const accumulator = accumulate(
      start,
      block(0, { type, id: 'x', name: 'web_search', input: {} } as ContentBlock),
    );
    accumulator.push(input(0, ''));
    const open = accumulator.message?.content[0] as { input: unknown };
    assert.deepEqual(open.input, {}, 'a tool without arguments has an empty input');
    accumulator.push(input(0, '{"query":"mill'));
    assert.deepEqual(open.input, { query: 'mill' });
    accumulator.push(input(0, ' race"}'));
    assert.deepEqual(open.input, { query: 'mill race' });
    assert.equal(accumulator.inputOf(accumulator.message!.content[0]!)?.complete, true);
  }
});

test('MessageAccumulator keeps the input of content_block_start when no text follows', () => {
  const { message } = accumulate(
    start,
    block(0, { type: 'tool_use', id: 'x', name: 'f', input: { a: 1 } }),
    stop,
  );
  assert.deepEqual((message!.content[0] as { input: unknown }).input, { a: 1 });
});

test('MessageAccumulator marks an invalid or cut tool input and spoils nothing else', () => {
  const accumulator = accumulate(start, text(0), say(0, 'fine'), tool(1), input(1, '{"a":1,"b":?}'), tool(2));
  accumulator.push(input(2, '{"path":"a.ts","mode":"w'));
  accumulator.push({
    type: 'message_delta',
    delta: { stop_reason: 'max_tokens' },
    usage: { output_tokens: 9 },
  });
  accumulator.push(stop);
  assert.equal(accumulator.ending?.type, 'complete');
  const [words, invalid, cut] = accumulator.message!.content;
  assert.deepEqual(words, { type: 'text', text: 'fine' });
  assert.deepEqual((invalid as { input: unknown }).input, { a: 1 });
  assert.equal(accumulator.inputOf(invalid!)?.error?.code, 'invalid_json');
  assert.equal(accumulator.inputOf(invalid!)?.text, '{"a":1,"b":?}');
  assert.deepEqual((cut as { input: unknown }).input, { path: 'a.ts', mode: 'w' });
  assert.deepEqual(
    [accumulator.inputOf(cut!)?.complete, accumulator.inputOf(cut!)?.error],
    [false, undefined],
  );
  assert.equal(accumulator.inputOf(words), undefined);
});

test('MessageAccumulator shares nothing with the events pushed', () => {
  const search = {
    type: 'web_search_tool_result',
    tool_use_id: 'srvtoolu_1',
    content: [{ type: 'web_search_result', url: 'a', title: 't', encrypted_content: 'e', page_age: null }],
  } as const;
  const events: StreamEvent[] = structuredClone([
    start,
    block(0, { ...search, content: [...search.content] }),
    text(1),
    say(1, 'hello'),
    delta(1, { type: 'citations_delta', citation: { type: 'new_location' as never, at: { line: 1 } } }),
    {
      type: 'message_delta',
      delta: { stop_reason: 'end_turn' },
      usage: { output_tokens: 7, iterations: [{ n: 1 }] },
    },
    stop,
  ]);
  const pristine = structuredClone(events);
  const accumulator = accumulate(...events);
  assert.deepEqual(events, pristine, 'the events are as they were');
  const before = structuredClone(accumulator.message);
  scribble(events);
  assert.deepEqual(accumulator.message, before, 'the message does not follow the events');
});

/** Changes every value of the events, all the way down. */
function scribble(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, item] of Object.entries(value)) {
    scribble(item);
    if (typeof item !== 'object') (value as Record<string, unknown>)[key] = 'scribbled';
  }
}

test('MessageAccumulator ends complete only at message_stop, and changes nothing after it', () => {
  const accumulator = accumulate(start, text(0), say(0, 'all'));
  const endingOf = () => accumulator.ending?.type;
  assert.equal(endingOf(), undefined);
  accumulator.push(stop);
  assert.equal(endingOf(), 'complete');
  for (const event of [say(0, 'more'), start, text(1)]) accumulator.push(event);
  accumulator.end();
  assert.equal(endingOf(), 'complete');
  assert.deepEqual(accumulator.message?.content, [{ type: 'text', text: 'all' }]);
});

test('MessageAccumulator.end() before message_stop is a truncation with what had arrived', () => {
  const accumulator = accumulate(start, text(0), say(0, 'par'));
  accumulator.end();
  assert.ok(accumulator.ending?.type === 'truncated');
  assert.deepEqual(accumulator.ending.message?.content, [{ type: 'text', text: 'par' }]);
  const nothing = accumulate();
  nothing.end();
  assert.deepEqual(nothing.ending, { type: 'truncated', message: undefined });
});

test('MessageAccumulator fails with the typed error of an error event, and the partial message', () => {
  const error = { type: 'overloaded_error', message: 'Overloaded', details: null } as const;
  const { ending } = accumulate(
    start,
    text(0),
    say(0, 'par'),
    { type: 'error', error, request_id: 'req_1' },
    stop,
  );
  assert.ok(ending?.type === 'failed' && ending.error instanceof ApiError);
  assert.deepEqual(
    [ending.error.status, ending.error.type, ending.error.code, ending.error.message, ending.error.requestId],
    [529, 'overloaded_error', 'overloaded_error', 'Overloaded', 'req_1'],
  );
  assert.deepEqual(ending.message?.content, [{ type: 'text', text: 'par' }]);
});

test('MessageAccumulator keeps the text of a stream joined in the middle, and never calls it complete', () => {
  const { message, ending } = accumulate(say(0, 'tail'), stop);
  assert.deepEqual(message?.content, [{ type: 'text', text: 'tail' }]);
  assert.ok(ending?.type === 'failed');
  assert.equal(ending.error.code, 'unexpected_event');
});

test('MessageAccumulator fails at a second message_start', () => {
  const { ending, message } = accumulate(start, text(0), say(0, 'one'), start);
  assert.ok(ending?.type === 'failed');
  assert.equal(ending.error.code, 'unexpected_event');
  assert.deepEqual(message?.content, [{ type: 'text', text: 'one' }]);
});

test('MessageAccumulator passes over events and deltas it has no name for', () => {
  const odd = { type: 'hologram_delta', angle: 1 } as unknown as ContentBlockDelta;
  const { message, ending } = accumulate(
    start,
    { type: 'new_event', a: 1 } as unknown as StreamEvent,
    block(0, { type: 'hologram', shape: 'cube' } as unknown as ContentBlock),
    delta(0, odd),
    delta(5, odd),
    { type: 'ping' },
    { type: '[DONE]' },
    stop,
  );
  assert.deepEqual(message?.content, [{ type: 'hologram', shape: 'cube' }]);
  assert.equal(ending?.type, 'complete');
});

test('MessageAccumulator copies a block nested ten thousand deep, and __proto__ as data', () => {
  const deep = JSON.parse(
    `{"type":"new_block","__proto__":${'['.repeat(10_000)}${']'.repeat(10_000)}}`,
  ) as ContentBlock;
  const { message } = accumulate(start, block(0, deep), stop);
  const copy = message!.content[0]!;
  assert.ok(Object.hasOwn(copy, '__proto__'));
  let levels = 0;
  for (
    let value: unknown = Object.getOwnPropertyDescriptor(copy, '__proto__')?.value;
    Array.isArray(value);
    levels += 1
  ) {
    [value] = value;
  }
  assert.equal(levels, 10_000);
});

test('MessageAccumulator.message is one live object from the first event to the last', () => {
  const accumulator = accumulate(start);
  const { message } = accumulator;
  for (const event of [text(0), say(0, 'a'), say(0, 'b'), stop]) accumulator.push(event);
  assert.equal(accumulator.message, message);
  assert.deepEqual(message?.content, [{ type: 'text', text: 'ab' }]);
});

test('MessageAccumulator throws nothing and always has an ending, whatever the fields of the events are', () => {
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom<unknown>('text', 'tool_use', 'fallback', 'constructor', '__proto__', 0, -1, [], {}, null),
  );
  const fields = fc.constantFrom(
    'message',
    'index',
    'content_block',
    'delta',
    'usage',
    'error',
    'request_id',
    'content',
    'type',
    'model',
    'text',
    'thinking',
    'partial_json',
    'signature',
    'citation',
    'input',
    'to',
    'id',
    'stop_reason',
    '__proto__',
  );
  const object = fc.dictionary(fields, fc.oneof(value, fc.dictionary(fields, value)));
  const type = fc.constantFrom(
    'message_start',
    'content_block_start',
    'content_block_delta',
    'content_block_stop',
    'message_delta',
    'message_stop',
    'ping',
    'error',
    '[DONE]',
    'new_event',
  );
  const event = fc.record({
    rest: object,
    inner: fc.dictionary(fields, value),
    type,
    delta: fc.constantFrom(
      'text_delta',
      'input_json_delta',
      'thinking_delta',
      'citations_delta',
      'new_delta',
    ),
  });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 8 }), (shapes) => {
      const decoder = new StreamEventDecoder();
      const accumulator = new MessageAccumulator();
      try {
        for (const shape of shapes) {
          const data = JSON.stringify(eventOf(shape));
          for (const parsed of decoder.push(`data: ${data}\n\n`)) accumulator.push(parsed);
        }
      } catch (error) {
        assert.ok(error instanceof ProtocolError, String(error));
      }
      accumulator.end();
      assert.notEqual(accumulator.ending, undefined);
      assert.ok(Array.isArray(accumulator.message?.content ?? []));
    }),
    { numRuns: 5000 },
  );
});

/** An event that has every field of its kind, overwritten by what was drawn. */
function eventOf(shape: { rest: object; inner: object; type: string; delta: string }): object {
  const { rest, inner, type, delta: kind } = shape;
  return {
    index: 0,
    content_block: { type: 'text', ...inner },
    delta: { type: kind, text: 'a', partial_json: '{', thinking: 'b', citation: {}, ...inner },
    message: { content: [], ...inner },
    ...rest,
    type,
  };
}

test('MessageAccumulator takes nothing from message_delta that other events say of the message', () => {
  const odd = { content: 5, usage: 7, type: 'x', role: 'user', id: 'other', stop_reason: 'end_turn' };
  const { message } = accumulate(start, text(0), say(0, 'a'), {
    ...odd,
    type: 'message_delta',
    delta: odd,
    usage: { output_tokens: 3 },
  } as unknown as StreamEvent);
  assert.deepEqual(message, {
    ...start.message,
    content: [{ type: 'text', text: 'a' }],
    stop_reason: 'end_turn',
    usage: { input_tokens: 9, output_tokens: 3, cache_read_input_tokens: 5 },
  });
});

test('MessageAccumulator goes on with the blocks that message_start brings', () => {
  const begun = structuredClone<Extract<StreamEvent, { type: 'message_start' }>>(start);
  begun.message.content = [
    { type: 'text', text: 'abc' },
    { type: 'tool_use', id: 't', name: 'f', input: {} },
  ];
  const { message } = accumulate(begun, say(0, 'def'), input(1, '{"a":1}'), text(2), say(2, 'x'));
  assert.deepEqual(message?.content, [
    { type: 'text', text: 'abcdef' },
    { type: 'tool_use', id: 't', name: 'f', input: { a: 1 } },
    { type: 'text', text: 'x' },
  ]);
});

test('MessageAccumulator begins another block for text that comes at the index of a tool', () => {
  const { message } = accumulate(start, tool(0), input(0, '{"a":1}'), say(0, 'and'), say(0, ' text'));
  assert.deepEqual(message?.content, [
    { type: 'tool_use', id: 'toolu_1', name: 'f', input: { a: 1 } },
    { type: 'text', text: 'and text' },
  ]);
});

test('MessageAccumulator orders thousands of blocks that come backwards, and fails before it takes for ever', () => {
  const backwards = (count: number) =>
    accumulate(start, ...Array.from({ length: count }, (_, i) => text(count - i)));
  assert.equal(backwards(3000).ending, undefined);
  const { ending, message } = backwards(30_000);
  assert.ok(ending?.type === 'failed');
  assert.equal(ending.error.code, 'unexpected_event');
  assert.ok((message?.content.length ?? 0) > 3000);
});
