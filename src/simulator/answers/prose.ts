// The answer to anything no other answer is for: it says what it is, so that nobody takes it for a model's.

import { textPart } from '../answer-part.ts';
import type { AnswerPart } from '../answer-part.ts';
import type { Question } from '../question.ts';
import { quoteExcerpt } from './excerpt.ts';

export function prose({ prompt }: Question): readonly AnswerPart[] {
  const asked = prompt.trim() === '' ? 'You sent no text.' : `You asked: ${quoteExcerpt(prompt)}`;
  return [
    textPart(
      'Hello! This is the simulator built into Millrace, not a model. ',
      'Nothing you wrote has left your computer, and nobody has thought about it.\n\n',
      `${asked}\n\n`,
      'I cannot answer that, but I can stream: these words arrive piece by piece, at the pace and in the form ',
      'in which the Messages API sends them, so that everything around them can be tried without a key.\n\n',
      'Some words make me answer differently. Try `markdown`, `think`, `tool`, `parallel`, `long 500`, ',
      'or `echo` and a text of your own. With an API key configured, a model answers here instead.',
    ),
  ];
}
