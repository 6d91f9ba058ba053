// The prompt given back: what tests use to get exactly the text they want.

import { textPart } from '../answer-part.ts';
import type { AnswerPart } from '../answer-part.ts';
import type { Question } from '../question.ts';

/** What comes after `echo` and one white space; undefined when the prompt does not begin with it. */
export function echoedText(prompt: string): string | undefined {
  const opening = /^\s*echo(?:\s|$)/i.exec(prompt);
  return opening === null ? undefined : prompt.slice(opening[0].length);
}

export function echo({ prompt }: Question): readonly AnswerPart[] {
  return [textPart(echoedText(prompt) ?? '')];
}
