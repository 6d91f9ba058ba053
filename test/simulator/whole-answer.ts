// An answer as the message it adds up to, without a server: what properties ask many times.

import { MessageAccumulator } from '../../src/protocol/index.ts';
import { answerTo } from '../../src/simulator/answer.ts';
import type { Block } from '../../src/simulator/answer-part.ts';
import { createRandom } from '../../src/simulator/random.ts';
import type { Seam } from '../../src/simulator/seam.ts';
import { parseMessagesRequest } from '../../src/simulator/validate-request.ts';
import { wireEvents } from '../../src/simulator/wire-events.ts';

export interface WholeAnswer {
  readonly content: readonly Block[];
  readonly stop: { readonly reason: unknown; readonly details: unknown };
}

/** The answer to the body of a request, with the ids that the seed draws. */
export function wholeAnswer(body: object, seed = 1, seam: Seam = { as: 'exact' }): WholeAnswer {
  const request = parseMessagesRequest(body);
  const random = { ids: createRandom(seed, 'ids'), cuts: createRandom(seed, 'cuts'), beganAtMs: 0 };
  const accumulator = new MessageAccumulator();
  const answer = answerTo(request, seam, createRandom(seed, 'seam'));
  for (const event of [...wireEvents(request, answer, random)].flat()) accumulator.push(event);
  const { content, stop_reason: reason, stop_details: details } = accumulator.message ?? { content: [] };
  return { content: structuredClone(content) as Block[], stop: { reason, details } };
}

/** The text of all text blocks. */
export function textIn(content: readonly Block[]): string {
  return content.map(({ type, text }) => (type === 'text' ? String(text) : '')).join('');
}
