// An answer for which the API looks for a tool among those of the request, and then calls it.

import { textPart } from '../answer-part.ts';
import type { AnswerPart } from '../answer-part.ts';
import type { Question } from '../question.ts';
import { askedErrorCode, explainError, resultOrError, serverCall } from './server-tool.ts';
import { callTool, chosenTool } from './tool.ts';

export function* toolSearch(question: Question): Generator<AnswerPart> {
  const { request, prompt } = question;
  const isRegex =
    /\bregex\b/i.test(prompt) || request.offers.serverTools.some(({ name }) => name === regexSearch);
  const tool = chosenTool(question);
  const words = tool.name.replaceAll(/[_-]+/g, ' ');
  yield textPart('Let me look for the right tool.');
  yield isRegex
    ? serverCall(regexSearch, { pattern: words.replaceAll(' ', '.*') })
    : serverCall('tool_search_tool_bm25', { query: words });
  yield resultOrError(question, 'tool_search', {
    type: 'tool_search_tool_search_result',
    tool_references: [{ type: 'tool_reference', tool_name: tool.name }],
  });
  const code = askedErrorCode(question);
  if (code === undefined) {
    yield textPart('I found it.');
    yield callTool(tool);
  } else yield textPart(explainError(code));
}

const regexSearch = 'tool_search_tool_regex';
