// Whether a request is one that a rule is for. Only the request itself counts: the same conversation always fits the
// same rules, however often and in which order it is sent.

import type { IncomingHttpHeaders } from 'node:http';

import type { JsonObject } from '../json-object.ts';
import { textsOf } from '../messages-request.ts';
import type { MessagesRequest } from '../messages-request.ts';
import { toQuestion } from '../question.ts';
import type { Question, ToolResult } from '../question.ts';
import { maskHeaders } from '../request-log.ts';
import type { ToolResultMatch, When } from './scenario.ts';
import { mismatchOf } from './text-match.ts';

/** A request as rules look at it. */
export interface Asked {
  readonly request: MessagesRequest;
  readonly question: Question;
  readonly body: JsonObject;
  readonly headers: IncomingHttpHeaders;
}

/** The body of a request that was found valid. */
export function toAsked(request: MessagesRequest, body: JsonObject, headers: IncomingHttpHeaders): Asked {
  return { request, question: toQuestion(request), body, headers };
}

/** Why the rule is not for the request, by the first condition that does not hold; undefined when it is. */
export function findMismatch(asked: Asked, when: When): string | undefined {
  for (const [name, condition] of Object.entries(conditions) as [keyof When, Condition<keyof When>][]) {
    const wanted = when[name];
    const mismatch = wanted === undefined ? undefined : condition(asked, wanted);
    if (mismatch !== undefined) return `${name}: ${mismatch}`;
  }
  return undefined;
}

type Condition<Name extends keyof When> = (
  asked: Asked,
  wanted: NonNullable<When[Name]>,
) => string | undefined;

const conditions: { readonly [Name in keyof When]-?: Condition<Name> } = {
  turn: ({ request }, wanted) => {
    const turn = turnOf(request);
    return turn === wanted ? undefined : `this is turn ${turn}, not ${wanted}`;
  },
  stream: ({ request: { isStream } }, wanted) => {
    if (isStream === wanted) return undefined;
    return isStream ? 'a stream is asked for' : 'no stream is asked for';
  },
  model: ({ request, body }, wanted) => {
    const names = [String(body['model']), request.model];
    const mismatches = names.map((name) => mismatchOf(name, wanted));
    return mismatches.includes(undefined) ? undefined : mismatches[0];
  },
  toolResult: ({ question: { toolResults } }, wanted) => {
    if (typeof wanted === 'object') return toolMismatch(toolResults, wanted);
    if (typeof wanted === 'string') return toolMismatch(toolResults, { tool: wanted });
    if (wanted === toolResults.length > 0) return undefined;
    return wanted ? 'there is none in the last turn' : `there is one of ${namesOf(toolResults)}`;
  },
  user: ({ question }, wanted) => mismatchOf(question.prompt, wanted),
  opening: ({ request: { turns } }, wanted) => {
    const first = turns.find(({ role }) => role === 'user');
    return mismatchOf(first === undefined ? '' : (textsOf(first).at(-1) ?? ''), wanted);
  },
  system: ({ body }, wanted) => mismatchOf(systemOf(body['system']), wanted),
  offers: ({ request: { tools } }, wanted) => {
    if (tools.some(({ name }) => name === wanted)) return undefined;
    return tools.length === 0 ? 'no tool is' : `only ${tools.map(({ name }) => name).join(', ')}`;
  },
  headers: ({ headers }, wanted) => {
    const shown = maskHeaders(headers);
    for (const [name, match] of Object.entries(wanted)) {
      const key = name.toLowerCase();
      const isFitting = mismatchOf(String(headers[key] ?? ''), match) === undefined;
      // The reason is given with the secrets hidden.
      if (!isFitting) return `${name}: ${mismatchOf(shown[key] ?? '', match) ?? 'another one'}`;
    }
    return undefined;
  },
};

/** Behind how many finished assistant turns the answer comes, and one. A beginning to go on with is not finished. */
function turnOf({ turns }: MessagesRequest): number {
  return turns.slice(0, -1).filter(({ role }) => role === 'assistant').length + 1;
}

function systemOf(system: unknown): string {
  if (typeof system === 'string') return system;
  const blocks = Array.isArray(system) ? (system as readonly JsonObject[]) : [];
  return blocks.map(({ text }) => (typeof text === 'string' ? text : '')).join('\n');
}

function toolMismatch(results: readonly ToolResult[], wanted: ToolResultMatch): string | undefined {
  const { tool, content, isError } = wanted;
  if (results.length === 0) return 'there is none in the last turn';
  const named = results.filter((result) => tool === undefined || result.tool === tool);
  if (named.length === 0) return `none is of ${tool}, but of ${namesOf(results)}`;
  const alike = named.filter((result) => isError === undefined || result.isError === isError);
  if (alike.length === 0) return isError === true ? 'none is an error' : 'all are errors';
  if (content === undefined) return undefined;
  const mismatches = alike.map(({ text }) => mismatchOf(text, content));
  return mismatches.includes(undefined) ? undefined : mismatches[0];
}

function namesOf(results: readonly ToolResult[]): string {
  return results.map(({ tool }) => tool).join(', ');
}
