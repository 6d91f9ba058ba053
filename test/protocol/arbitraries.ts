// Arbitrary streams for the properties: events as a server could send them, and bodies cut anywhere.

import fc from 'fast-check';
import type { ContentBlock, ContentBlockDelta, Message, StreamEvent } from 'millrace/protocol';

/** A message in the form its stream has: each block with the deltas that build it up. */
export interface StreamedMessage {
  readonly events: readonly StreamEvent[];
  readonly message: Message;
}

interface StreamedBlock {
  readonly start: ContentBlock;
  readonly deltas: readonly ContentBlockDelta[];
  readonly whole: ContentBlock;
}

/** Cuts a body at arbitrary places. */
export function cutBody<Body extends Uint8Array | string>(body: Body, cuts: readonly number[]): Body[] {
  const places = [...new Set(cuts.map((cut) => cut % (body.length + 1)))].toSorted((a, b) => a - b);
  return [0, ...places].map((start, index) => body.slice(start, places[index] ?? body.length) as Body);
}

export const cuts: fc.Arbitrary<number[]> = fc.array(fc.nat(), { maxLength: 12 });

const anyText = fc.string({ unit: 'binary', maxLength: 40 });

function cutText(text: string, places: readonly number[]): string[] {
  return cutBody(text, places).filter((piece) => piece !== '');
}

const textBlock: fc.Arbitrary<StreamedBlock> = fc.tuple(anyText, cuts).map(([text, places]) => ({
  start: { type: 'text', text: '' },
  deltas: cutText(text, places).map((piece) => ({ type: 'text_delta', text: piece })),
  whole: { type: 'text', text },
}));

const thinkingBlock: fc.Arbitrary<StreamedBlock> = fc
  .tuple(anyText, cuts, fc.base64String())
  .map(([thinking, places, signature]) => ({
    start: { type: 'thinking', thinking: '', signature: '' },
    deltas: [
      ...cutText(thinking, places).map((piece) => ({ type: 'thinking_delta' as const, thinking: piece })),
      { type: 'signature_delta', signature },
    ],
    whole: { type: 'thinking', thinking, signature },
  }));

const toolBlock: fc.Arbitrary<StreamedBlock> = fc
  .tuple(fc.dictionary(anyText, fc.jsonValue()), cuts, fc.constantFrom('tool_use', 'server_tool_use'))
  .map(([value, places, type]) => {
    const tool = { type, id: 'toolu_1', name: 'web_search' } as const;
    const text = JSON.stringify(value);
    return {
      start: { ...tool, input: {} },
      deltas: ['', ...cutText(text, places)].map((partial_json) => ({
        type: 'input_json_delta',
        partial_json,
      })),
      whole: { ...tool, input: JSON.parse(text) },
    };
  });

const wholeBlock: fc.Arbitrary<StreamedBlock> = fc
  .tuple(fc.constantFrom('redacted_thinking', 'web_search_tool_result', 'new_block'), fc.jsonValue())
  .map(([type, data]) => {
    const block = { type, data: JSON.parse(JSON.stringify(data)) } as ContentBlock;
    return { start: block, deltas: [], whole: block };
  });

/** A whole stream and the message it stands for. */
export const streamedMessage: fc.Arbitrary<StreamedMessage> = fc
  .record({
    blocks: fc.array(fc.oneof(textBlock, thinkingBlock, toolBlock, wholeBlock), { maxLength: 5 }),
    stop_reason: fc.constantFrom('end_turn', 'tool_use', 'max_tokens', 'a_new_reason'),
    outputTokens: fc.nat(),
  })
  .map(({ blocks, stop_reason, outputTokens }) => {
    const message = { id: 'msg_1', type: 'message', role: 'assistant', model: 'claude-sonnet-5' } as const;
    const usage = { input_tokens: 12, cache_read_input_tokens: 4, output_tokens: 1 };
    const nothingYet = { stop_reason: null, stop_sequence: null, usage };
    const events: StreamEvent[] = [
      { type: 'message_start', message: { ...message, content: [], ...nothingYet } },
    ];
    for (const [index, { start, deltas }] of blocks.entries()) {
      events.push({ type: 'content_block_start', index, content_block: start });
      if (index === 0) events.push({ type: 'ping' });
      for (const delta of deltas) events.push({ type: 'content_block_delta', index, delta });
      events.push({ type: 'content_block_stop', index });
    }
    events.push(
      {
        type: 'message_delta',
        delta: { stop_reason, stop_sequence: null },
        usage: { output_tokens: outputTokens, cache_read_input_tokens: null },
      },
      { type: 'message_stop' },
    );
    const content = blocks.map(({ whole }) => whole);
    const ended = { stop_reason, stop_sequence: null, usage: { ...usage, output_tokens: outputTokens } };
    return { events, message: { ...message, content, ...ended } };
  });

/** Lines of a body with everything the format has: comments, ids, all three line ends, several data lines. */
export const sseBody: fc.Arbitrary<string> = fc
  .array(
    fc.tuple(
      fc.constantFrom(
        'data: {"type": "ping"}',
        'data',
        'data:',
        'data:  two spaces',
        'data: ünïcödé 水車 🌊',
        'event: ping',
        'event:',
        'id: 1-2',
        'id',
        'id: a\0b',
        'retry: 250',
        'retry: soon',
        ': a comment',
        'other: field',
        '',
        '',
      ),
      fc.constantFrom('\n', '\n', '\r\n', '\r'),
    ),
    { maxLength: 25 },
  )
  .map((lines) => lines.map(([line, end]) => line + end).join(''));
