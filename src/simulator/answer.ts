// Which of the built-in answers a request gets. docs/simulator.md has the table for users.

import type { AnswerPart, Block } from './answer-part.ts';
import { advisor } from './answers/advisor.ts';
import { citations } from './answers/citations.ts';
import { codeExecution, containerUpload, textEditor } from './answers/code-execution.ts';
import { contextWindow, refusal } from './answers/early-ends.ts';
import { echo, echoedText } from './answers/echo.ts';
import { long } from './answers/long.ts';
import { markdown } from './answers/markdown.ts';
import { mcp } from './answers/mcp.ts';
import { compaction, fallback, isCompacted, redactedThinking } from './answers/preface.ts';
import { prose } from './answers/prose.ts';
import { structured } from './answers/structured.ts';
import { thinkingAbout } from './answers/thinking.ts';
import { toolResult } from './answers/tool-result.ts';
import { toolSearch } from './answers/tool-search.ts';
import { forcedTool, mentionedTools, parallelTools, tool } from './answers/tool.ts';
import { webFetch } from './answers/web-fetch.ts';
import { pause, webSearch } from './answers/web-search.ts';
import { continueAnswer } from './continued-answer.ts';
import type { MessagesRequest } from './messages-request.ts';
import { hasCitable } from './passages.ts';
import { toQuestion } from './question.ts';
import type { Question } from './question.ts';
import type { Random } from './random.ts';
import { withSeam } from './seam.ts';
import type { Seam } from './seam.ts';

const answers = {
  toolResult,
  forcedTool,
  structured,
  echo,
  refusal,
  contextWindow,
  pause,
  webSearch,
  webFetch,
  textEditor,
  containerUpload,
  codeExecution,
  toolSearch,
  mcp,
  advisor,
  citations,
  parallelTools,
  tool,
  long,
  markdown,
  prose,
} satisfies Record<string, (question: Question) => Iterable<AnswerPart>>;

type AnswerKind = keyof typeof answers;
type Rule = readonly [kind: AnswerKind, applies: (question: Question) => boolean];

/** The answers in which the API runs a tool of its own, by the type of the tool without its date. */
const serverToolKinds: Readonly<Record<string, AnswerKind>> = {
  web_search: 'webSearch',
  web_fetch: 'webFetch',
  code_execution: 'codeExecution',
  tool_search_tool_regex: 'toolSearch',
  tool_search_tool_bm25: 'toolSearch',
  advisor: 'advisor',
};

/** When each kind is the answer; the first that applies is, and prose when none does. */
const rules: readonly Rule[] = [
  ['citations', (question) => question.toolResults.length > 0 && bringsCitable(question)],
  ['structured', (question) => question.toolResults.length > 0 && wantsJson(question)],
  ['toolResult', ({ toolResults }) => toolResults.length > 0],
  ...serverToolRules(forcedServerTool),
  ['forcedTool', ({ request }) => isForced(request) && request.tools.length > 0],
  ['echo', ({ prompt }) => echoedText(prompt) !== undefined],
  ['refusal', (question) => asksForRefusal(question) && !fallsBack(question)],
  ['contextWindow', says(/\bcontext window\b/i)],
  ['pause', says(/\bpause\b/i)],
  ['webSearch', says(/\bweb[ _]search\b/i)],
  ['webFetch', says(/\bweb[ _]fetch\b/i)],
  ['textEditor', says(/\btext[ _]editor\b/i)],
  ['containerUpload', says(/\bcontainer[ _]upload\b/i)],
  ['codeExecution', says(/\bcode[ _]execution\b/i)],
  ['toolSearch', says(/\btool[ _]search\b/i)],
  ...serverToolRules(askedServerTool),
  ['mcp', says(/\bmcp\b/i)],
  ['advisor', says(/\badvis[eo]r\b/i)],
  ['citations', says(/\b(?:cite|citations?)\b/i)],
  ['parallelTools', (question) => mayCallTools(question) && says(/\bparallel\b/i)(question)],
  ['tool', (question) => mayCallTools(question) && asksForTool(question)],
  ['structured', wantsJson],
  ['long', says(/\blong\b/i)],
  ['markdown', says(/\b(?:markdown|code|table)\b/i)],
  ['citations', bringsCitable],
];

/**
 * The parts of the answer, made as they are taken. The same request always has the same answer. A conversation
 * that ends with the beginning of an answer, or that asks to go on with one, gets the rest of it, behind what the seam
 * puts there.
 */
export function answerTo(request: MessagesRequest, seam: Seam, random: Random): Iterable<AnswerPart> {
  const answer = (asked: MessagesRequest): Iterable<AnswerPart> => fullAnswer(toQuestion(asked));
  const continuation = continueAnswer(request, answer);
  return continuation === undefined ? answer(request) : withSeam(continuation, seam, random);
}

function* fullAnswer(question: Question): Generator<AnswerPart> {
  const kind = rules.find(([, applies]) => applies(question))?.[0] ?? 'prose';
  if (isCompacted(question)) yield* compaction(question);
  // Words count where they are not what is to be said.
  else if (kind !== 'echo' && kind !== 'toolResult' && kind !== 'forcedTool') yield* preface(question);
  if (isThoughtAbout(question, kind)) yield thinkingAbout(question);
  yield* answers[kind](question);
}

/** What the prompt has words for, and can stand before an answer of any kind. */
function* preface(question: Question): Generator<AnswerPart> {
  if (says(/\bcompact(?:ion)?\b/i)(question)) yield* compaction(question);
  if (fallsBack(question)) yield fallback(question);
  if (says(/redacted/i)(question)) yield redactedThinking();
}

function says(words: RegExp): Rule[1] {
  return ({ prompt }) => words.test(prompt);
}

/** By the word, or by the text for tests in the API's documentation. */
function asksForRefusal({ prompt }: Question): boolean {
  return /\brefus(?:e|al)\b|MAGIC_STRING_TRIGGER_REFUSAL/i.test(prompt);
}

/** By the word, or because the model that was asked refuses and there is another. */
function fallsBack(question: Question): boolean {
  const { fallbacks } = question.request.offers;
  return says(/\bfallback\b/i)(question) || (asksForRefusal(question) && fallbacks.length > 0);
}

function wantsJson({ request }: Question): boolean {
  return request.outputSchema !== undefined;
}

function bringsCitable({ request }: Question): boolean {
  return hasCitable(request.turns.findLast(({ role }) => role === 'user'));
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

/** A rule for each kind that runs a server tool: when `find` finds that tool. */
function serverToolRules(find: (question: Question) => Block | undefined): Rule[] {
  const typeOf = (question: Question): string | undefined => find(question)?.type.replace(/_\d{8}$/, '');
  return Object.entries(serverToolKinds).map(([type, kind]) => [
    kind,
    (question) => typeOf(question) === type,
  ]);
}

/** The server tool that `tool_choice` names, or leaves when the caller has none of its own. */
function forcedServerTool({ request: { toolChoice, tools, offers } }: Question): Block | undefined {
  if (toolChoice.type === 'tool') return offers.serverTools.find(({ name }) => name === toolChoice.name);
  return toolChoice.type === 'any' && tools.length === 0 ? offers.serverTools[0] : undefined;
}

/** The server tool that the prompt has a word for: a search, or a tool where the caller has none of its own. */
function askedServerTool(question: Question): Block | undefined {
  const { tools, offers } = question.request;
  if (!mayCallTools(question)) return undefined;
  if (says(/\bsearch\b/i)(question)) return offers.serverTools.find(({ name }) => name === 'web_search');
  return tools.length === 0 && asksForTool(question) ? offers.serverTools[0] : undefined;
}

function mayCallTools({ request }: Question): boolean {
  return request.toolChoice.type !== 'none';
}

function asksForTool(question: Question): boolean {
  return says(/\btool\b/i)(question) || mentionedTools(question).length > 0;
}
