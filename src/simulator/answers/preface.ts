// What may stand before an answer: a summary in place of the conversation, another model in place of the one that was
// asked, thinking that is not shown.

import type { AnswerPart, BlockPart } from '../answer-part.ts';
import { createCiphertext } from '../ciphertext.ts';
import type { JsonObject } from '../json-object.ts';
import type { Question } from '../question.ts';
import { createRandom } from '../random.ts';
import { isObject } from '../validate-value.ts';
import { quoteExcerpt } from './excerpt.ts';

/** How many tokens a conversation may have before it is summed up, if the request does not say. */
const usualTrigger = 150_000;
const usualFallback = 'claude-opus-4-8';

/** The edit of the request that asks for compaction. */
function editOf({ request }: Question): JsonObject | undefined {
  return request.offers.contextEdits?.find(({ type }) => type === 'compact_20260112');
}

export function isCompacted(question: Question): boolean {
  const edit = editOf(question);
  if (edit === undefined) return false;
  const { trigger } = edit;
  const value = isObject(trigger) && typeof trigger['value'] === 'number' ? trigger['value'] : usualTrigger;
  return question.request.inputTokens > value;
}

/** The summary, and the end where the request wants one there. */
export function* compaction(question: Question): Generator<AnswerPart> {
  const { prompt } = question;
  yield {
    type: 'block',
    block: {
      type: 'compaction',
      content:
        '## Summary of the conversation\n\nThe simulator was asked something, and nobody has thought about it. ' +
        `The last that was said is ${quoteExcerpt(prompt)}.\n\n## Next steps\n\nAnswer in the form that was asked for.`,
    },
  };
  if (editOf(question)?.['pause_after_compaction'] === true) yield { type: 'end', stopReason: 'compaction' };
}

/** From the model that was asked to the first one that the request names for it. */
export function fallback({ request }: Question): BlockPart {
  const to = request.offers.fallbacks[0] ?? usualFallback;
  return { type: 'block', block: { type: 'fallback', from: { model: request.model }, to: { model: to } } };
}

export function redactedThinking(): BlockPart {
  const data = createCiphertext(400, createRandom('redacted thinking'));
  return { type: 'block', block: { type: 'redacted_thinking', data } };
}
