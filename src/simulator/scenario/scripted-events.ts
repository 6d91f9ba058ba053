// The events of a scripted answer: those of any answer, with what the scenario says otherwise.

import { ApiError, MessageAccumulator, ProtocolError, StreamEventDecoder } from '../../protocol/index.ts';
import type { KnownStreamEvent, Message, MessageDeltaEvent } from '../../protocol/index.ts';
import { toPart } from '../answer-part.ts';
import type { AnswerPart } from '../answer-part.ts';
import { answerTo } from '../answer.ts';
import { apiError } from '../api-errors.ts';
import { continueAnswer } from '../continued-answer.ts';
import type { MessagesRequest } from '../messages-request.ts';
import type { Random } from '../random.ts';
import { withSeam } from '../seam.ts';
import type { Seam } from '../seam.ts';
import { wireEvents } from '../wire-events.ts';
import type { WireRandom } from '../wire-events.ts';
import type { ParsedReply } from './parse-scenario.ts';
import type { MessageReply } from './scenario.ts';

/** The replies that the simulator writes itself. */
export type WrittenReply = Extract<ParsedReply, { type: 'message' | 'answer' }>;

/** What an answer is drawn from beside the request. */
export interface Writing {
  readonly random: WireRandom;
  /** What a continuation begins with. */
  readonly joint: { readonly seam: Seam; readonly random: Random };
}

/** A conversation that ends with the beginning of the reply gets the rest of it, as with any answer. */
export function writtenEvents(
  request: MessagesRequest,
  reply: WrittenReply,
  { random, joint }: Writing,
): Iterable<readonly KnownStreamEvent[]> {
  if (reply.type === 'answer' && reply.answer === undefined) {
    return wireEvents(request, answerTo(request, joint.seam, joint.random), random);
  }
  const parts = (): Iterable<AnswerPart> =>
    reply.type === 'message'
      ? toParts(reply.content)
      : answerTo(asIfAsked(request, reply.answer), joint.seam, joint.random);
  const continuation = continueAnswer(request, parts);
  const answer = continuation === undefined ? parts() : withSeam(continuation, joint.seam, joint.random);
  const events = wireEvents(request, answer, random);
  return reply.type === 'message' ? withOverrides(events, reply) : events;
}

function toParts(content: MessageReply['content']): AnswerPart[] {
  const blocks = typeof content === 'string' ? [content] : content;
  return blocks.map((block) => toPart(typeof block === 'string' ? { type: 'text', text: block } : block));
}

/** The request with another prompt, and without a tool that it would force on the answer. */
function asIfAsked(request: MessagesRequest, prompt = ''): MessagesRequest {
  const turns = [{ role: 'user', content: [{ type: 'text', text: prompt }] }] as const;
  return { ...request, turns, toolChoice: { type: 'auto' } };
}

function* withOverrides(
  batches: Iterable<readonly KnownStreamEvent[]>,
  reply: MessageReply,
): Generator<readonly KnownStreamEvent[]> {
  for (const batch of batches) yield batch.map((event) => withOverride(event, reply));
}

function withOverride(event: KnownStreamEvent, reply: MessageReply): KnownStreamEvent {
  if (event.type === 'message_start') return { ...event, message: overrideStart(event.message, reply) };
  return event.type === 'message_delta' ? overrideEnd(event, reply) : event;
}

function overrideStart(message: Message, { id, model, container, usage = {} }: MessageReply): Message {
  // What the answer comes to is not known at its start.
  const { output_tokens: _output, output_tokens_details: _details, ...input } = usage;
  return {
    ...message,
    ...withoutUndefined({ id, model, container }),
    usage: { ...message.usage, ...input },
  };
}

/** The reasons why an answer is shorter than it was written. */
const limits: ReadonlySet<unknown> = new Set(['max_tokens', 'stop_sequence']);

function overrideEnd(event: MessageDeltaEvent, reply: MessageReply): MessageDeltaEvent {
  const { stop_reason, stop_sequence, stop_details, container, usage = {} } = reply;
  // A message has these, and its stream has said them at the start.
  const { cache_creation: _created, service_tier: _tier, inference_geo: _geo, ...totals } = usage;
  const isCut = limits.has(event.delta.stop_reason);
  const stop = isCut ? {} : { stop_reason, stop_sequence, stop_details };
  return {
    ...event,
    delta: { ...event.delta, ...withoutUndefined({ ...stop, container }) },
    usage: { ...event.usage, ...totals },
  };
}

function withoutUndefined(fields: object): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** The message that a recorded stream adds up to. Throws an ApiError when it ends with one, or before its end. */
export function recordedMessage(recording: Uint8Array): MessageAccumulator {
  const accumulator = new MessageAccumulator();
  const decoder = new StreamEventDecoder();
  try {
    for (const event of decoder.push(recording)) accumulator.push(event);
    for (const event of decoder.end()) accumulator.push(event);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    accumulator.fail(error);
  }
  const { ending } = accumulator;
  if (ending?.type === 'complete') return accumulator;
  if (ending?.type === 'failed' && ending.error instanceof ApiError) throw ending.error;
  throw apiError('api_error', 'The recorded stream does not come to its end');
}
