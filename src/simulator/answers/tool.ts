// Answers that call the request's tools, with an input made from each tool's schema.

import { textPart } from '../answer-part.ts';
import type { AnswerPart } from '../answer-part.ts';
import type { ToolDefinition } from '../messages-request.ts';
import type { Question } from '../question.ts';
import { exampleInput } from './example-input.ts';

/** What is called when the word `tool` is said and the request has none; the API would never do that. */
const builtInTools: readonly ToolDefinition[] = [
  {
    name: 'get_weather',
    schema: {
      type: 'object',
      properties: { location: { type: 'string' }, unit: { enum: ['celsius', 'fahrenheit'] } },
    },
  },
  { name: 'get_time', schema: { type: 'object', properties: { location: { type: 'string' } } } },
];

/** One call after a sentence: of the tool the prompt names, else of the first. */
export function* tool(question: Question): Generator<AnswerPart> {
  yield textPart('Let me look that up.');
  yield callTool(chosenTool(question));
}

/**
 * Two calls or more after a sentence: of all tools the prompt names, else of the first two. One where the request wants
 * no more at once.
 */
export function* parallelTools(question: Question): Generator<AnswerPart> {
  if (question.request.toolChoice.isSingle === true) return yield* tool(question);
  const mentioned = mentionedTools(question);
  const tools = mentioned.length > 1 ? mentioned : offeredTools(question).slice(0, 2);
  yield textPart('Let me look up both at once.');
  for (const each of tools) yield callTool(each);
  if (tools.length === 1) yield callTool(firstTool(tools));
}

/** The call that `tool_choice` demands, and nothing else. */
export function* forcedTool(question: Question): Generator<AnswerPart> {
  const { toolChoice, tools } = question.request;
  const named = tools.find(({ name }) => toolChoice.type === 'tool' && name === toolChoice.name);
  yield callTool(named ?? mentionedTools(question)[0] ?? firstTool(tools));
}

/** The tool the prompt names, else the first. */
export function chosenTool(question: Question): ToolDefinition {
  return mentionedTools(question)[0] ?? firstTool(offeredTools(question));
}

/** The request's tools whose names stand in the prompt; `get_weather` may be written `get weather`. */
export function mentionedTools({ request, prompt }: Question): ToolDefinition[] {
  const said = ` ${toWords(prompt)} `;
  return request.tools.filter(({ name }) => said.includes(` ${toWords(name)} `));
}

function toWords(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
}

function offeredTools({ request }: Question): readonly ToolDefinition[] {
  return request.tools.length === 0 ? builtInTools : request.tools;
}

function firstTool(tools: readonly ToolDefinition[]): ToolDefinition {
  return tools[0] ?? { name: 'get_weather', schema: {} };
}

export function callTool({ name, schema }: ToolDefinition): AnswerPart {
  return { type: 'block', block: { type: 'tool_use', name, input: exampleInput(schema) } };
}
