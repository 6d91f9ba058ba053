// An answer that the API breaks off because of what it is about.

import { textPart } from '../answer-part.ts';
import type { AnswerPart } from '../answer-part.ts';
import type { Question } from '../question.ts';

const categories = ['cyber', 'bio', 'frontier_llm', 'reasoning_extraction', 'general_harms'];

/** With the category that the prompt names, if it names one. */
export function* refusal({ prompt }: Question): Generator<AnswerPart> {
  const category = categories.find((each) => new RegExp(`\\b${each}\\b`, 'i').test(prompt)) ?? null;
  yield textPart('This is how an answer begins that is not going to');
  yield {
    type: 'end',
    stopReason: 'refusal',
    stopDetails: { type: 'refusal', category, explanation: null },
  };
}

/** An answer that fills what the model can read and write at all. */
export function* contextWindow(): Generator<AnswerPart> {
  yield textPart('Here the context window of the model is full: prompt and answer together. What is missing');
  yield { type: 'end', stopReason: 'model_context_window_exceeded' };
}
