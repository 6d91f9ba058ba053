// What is asked for in one piece, and a message that came so as the events of a stream: for when streaming keeps
// breaking.

import type { Message, StreamEvent } from '../protocol/index.ts';
import type { ReplyReader } from './answer-attempts.ts';
import type { ResponseSource } from './attempt.ts';
import { readObject } from './read-object.ts';
import type { JsonObject } from './read-object.ts';

type Block = Message['content'][number];

/** For what is posted to `path`, and answered with what `isWanted` says. */
export function replyReader(path: string, isWanted: (value: JsonObject) => boolean): ReplyReader {
  return { path, read: async (response) => sourceOf(await readObject(response, isWanted)) };
}

/** A message. */
export const wholeMessages: ReplyReader = replyReader('/v1/messages', ({ type }) => type === 'message');

function sourceOf(reply: JsonObject): ResponseSource {
  let isRead = false;
  const done = (): Promise<void> => Promise.resolve();
  const read: ResponseSource['read'] = async () => {
    if (isRead) return { events: [], end: 'end' };
    isRead = true;
    return { events: eventsOfMessage(reply as unknown as Message) };
  };
  return { reply, read, release: done, cancel: done };
}

/** From message_start to message_stop. */
function eventsOfMessage(message: Message): StreamEvent[] {
  const { stop_reason, stop_sequence, usage } = message;
  const { stop_details = null, container = null } = message as {
    stop_details?: unknown;
    container?: unknown;
  };
  return [
    { type: 'message_start', message: { ...message, content: [], stop_reason: null, stop_sequence: null } },
    ...message.content.flatMap(eventsOfBlock),
    {
      type: 'message_delta',
      delta: { stop_reason, stop_sequence, stop_details, container } as never,
      usage,
    },
    { type: 'message_stop' },
  ] as StreamEvent[];
}

/** Text, thinking and tool input come in deltas, as readers expect them; any other block whole in its start. */
function eventsOfBlock(block: Block, index: number): StreamEvent[] {
  const { start, deltas } = partsOf(block);
  return [
    { type: 'content_block_start', index, content_block: start },
    ...deltas.map((delta) => ({ type: 'content_block_delta', index, delta })),
    { type: 'content_block_stop', index },
  ] as StreamEvent[];
}

function partsOf(block: Block): { start: object; deltas: object[] } {
  const fields = block as Record<string, unknown>;
  if (block.type === 'text') {
    const citations = (fields['citations'] ?? []) as object[];
    return {
      start: { ...block, text: '', ...(citations.length > 0 ? { citations: [] } : {}) },
      deltas: [
        { type: 'text_delta', text: fields['text'] },
        ...citations.map((citation) => ({ type: 'citations_delta', citation })),
      ],
    };
  }
  if (block.type === 'thinking') {
    return {
      start: { ...block, thinking: '', signature: '' },
      deltas: [
        { type: 'thinking_delta', thinking: fields['thinking'] },
        { type: 'signature_delta', signature: fields['signature'] },
      ],
    };
  }
  if (!('input' in block)) return { start: block, deltas: [] };
  const json = JSON.stringify(fields['input']);
  return {
    start: { ...block, input: {} },
    deltas: [{ type: 'input_json_delta', partial_json: json === '{}' ? '' : json }],
  };
}
