// The thinking block before an answer.

import type { AnswerPart } from '../answer-part.ts';
import type { Question } from '../question.ts';
import { quoteExcerpt } from './excerpt.ts';

export function thinkingAbout({ request, prompt }: Question): AnswerPart {
  return { type: 'thinking', thinking: thoughts(prompt), isOmitted: request.thinking === 'omitted' };
}

function thoughts(prompt: string): string[] {
  const opening =
    prompt.trim() === ''
      ? 'There is no text to think about, only what came before.'
      : `The request is ${quoteExcerpt(prompt)}.`;
  return [
    `${opening} `,
    'As a simulator I have no opinion on it, but a thinking block has to look like one, so let me go through ',
    'the steps that anybody would.\n\n',
    'First, what is wanted? An answer that can be read while it arrives. Second, what is known? Only the ',
    'request itself. Third, what could go wrong? A connection may break in the middle, a reader may be slow, ',
    'or somebody may press stop: none of it may lose a word.\n\n',
    'That settles it. I will say plainly what I am and answer in the form that was asked for.',
  ];
}
