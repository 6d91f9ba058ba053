// The answer after the caller has run the tools.

import { textPart } from '../answer-part.ts';
import type { AnswerPart } from '../answer-part.ts';
import type { Question, ToolResult } from '../question.ts';
import { quoteExcerpt } from './excerpt.ts';

export function toolResult({ toolResults }: Question): readonly AnswerPart[] {
  const opening = toolResults.length === 1 ? 'Here is what came back:' : 'Here is what came back from each:';
  const lines = toolResults.map((result) => `- ${describe(result)}\n`);
  return [
    textPart(
      `${opening}\n\n`,
      ...lines,
      '\nThat is all the simulator makes of it; a model would now go on with it.',
    ),
  ];
}

function describe({ tool, isError, text }: ToolResult): string {
  const verb = isError ? 'failed with' : 'returned';
  return `**${tool}** ${verb} ${text.trim() === '' ? 'nothing' : quoteExcerpt(text)}`;
}
