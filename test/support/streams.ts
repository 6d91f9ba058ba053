// Small streams, as the API frames them.

import { encodeSse } from 'millrace/protocol';
import type { ContentBlock, ContentBlockDelta, StreamEvent } from 'millrace/protocol';

export const messageStart: StreamEvent = {
  type: 'message_start',
  message: {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'claude-sonnet-5',
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: { input_tokens: 9, output_tokens: 1 },
  },
};

export const messageEnd: readonly StreamEvent[] = [
  {
    type: 'message_delta',
    delta: { stop_reason: 'end_turn', stop_sequence: null },
    usage: { output_tokens: 5 },
  },
  { type: 'message_stop' },
];

/** The events of one block. */
export function blockEvents(
  index: number,
  content_block: ContentBlock,
  deltas: readonly ContentBlockDelta[],
): StreamEvent[] {
  return [
    { type: 'content_block_start', index, content_block },
    ...deltas.map((delta): StreamEvent => ({ type: 'content_block_delta', index, delta })),
    { type: 'content_block_stop', index },
  ];
}

export function textEvents(index: number, ...pieces: readonly string[]): StreamEvent[] {
  const deltas = pieces.map((text): ContentBlockDelta => ({ type: 'text_delta', text }));
  return blockEvents(index, { type: 'text', text: '' }, deltas);
}

export function toolEvents(index: number, ...pieces: readonly string[]): StreamEvent[] {
  const deltas = pieces.map((partial_json): ContentBlockDelta => ({
    type: 'input_json_delta',
    partial_json,
  }));
  return blockEvents(
    index,
    { type: 'tool_use', id: `toolu_${index}`, name: 'get_weather', input: {} },
    deltas,
  );
}

export function sse(...events: readonly StreamEvent[]): string {
  return events.map((event) => encodeSse(event)).join('');
}
