// Which of the built-in answers a request gets. docs/simulator.md has the table for users.

import { echo, echoedText } from './answers/echo.ts';
import { long } from './answers/long.ts';
import { markdown } from './answers/markdown.ts';
import { prose } from './answers/prose.ts';
import { thinkingAbout } from './answers/thinking.ts';
import { toolResult } from './answers/tool-result.ts';
import { forcedTool, mentionedTools, parallelTools, tool } from './answers/tool.ts';
import type { AnswerPart } from './answer-part.ts';
import { answerAfter } from './continued-answer.ts';
import type { MessagesRequest } from './messages-request.ts';
import { toQuestion } from './question.ts';
import type { Question } from './question.ts';

type AnswerKind =
  | 'toolResult'
  | 'forcedTool'
  | 'echo'
  | 'parallelTools'
  | 'tool'
  | 'long'
  | 'markdown'
  | 'prose';

const answers = {
  toolResult,
  forcedTool,
  echo,
  parallelTools,
  tool,
  long,
  markdown,
  prose,
} satisfies Record<AnswerKind, (question: Question) => Iterable<AnswerPart>>;

/** When each kind is the answer; the first that applies is, and prose when none does. */
const rules: readonly [kind: AnswerKind, applies: (question: Question) => boolean][] = [
  ['toolResult', ({ toolResults }) => toolResults.length > 0],
  ['forcedTool', ({ request }) => isForced(request) && request.tools.length > 0],
  ['echo', ({ prompt }) => echoedText(prompt) !== undefined],
  ['parallelTools', (question) => mayCallTools(question) && /\bparallel\b/i.test(question.prompt)],
  ['tool', (question) => mayCallTools(question) && asksForTool(question)],
  ['long', ({ prompt }) => /\blong\b/i.test(prompt)],
  ['markdown', ({ prompt }) => /\b(?:markdown|code|table)\b/i.test(prompt)],
];

/**
 * The parts of the answer, made as they are taken. The same request always has the same answer. A conversation
 * that ends with the beginning of an answer, or that asks to go on with one, gets the rest of it.
 */
export function answerTo(request: MessagesRequest): Iterable<AnswerPart> {
  return answerAfter(request, (asked) => fullAnswer(toQuestion(asked)));
}

function* fullAnswer(question: Question): Generator<AnswerPart> {
  const kind = rules.find(([, applies]) => applies(question))?.[0] ?? 'prose';
  if (isThoughtAbout(question, kind)) yield thinkingAbout(question);
  yield* answers[kind](question);
}

function isThoughtAbout({ request, prompt }: Question, kind: AnswerKind): boolean {
  // The API takes no forced tool together with thinking.
  if (kind === 'forcedTool') return false;
  if (request.thinking !== 'off') return true;
  return kind !== 'echo' && kind !== 'toolResult' && /\bthink\b/i.test(prompt);
}

function isForced({ toolChoice }: MessagesRequest): boolean {
  return toolChoice.type === 'any' || toolChoice.type === 'tool';
}

function mayCallTools({ request }: Question): boolean {
  return request.toolChoice.type !== 'none';
}

function asksForTool(question: Question): boolean {
  return /\btool\b/i.test(question.prompt) || mentionedTools(question).length > 0;
}
