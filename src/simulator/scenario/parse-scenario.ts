// A scenario as somebody wrote it to rules that can be applied. All that can be wrong with it is found here, and
// nothing later, when a request comes.

import { readFileSync } from 'node:fs';

import { problemsOf } from '../../document/index.ts';
import type { Problem } from '../../document/index.ts';
import type { ParsedPlan } from '../faults/fault.ts';
import { parseFaultInput } from '../faults/parse-fault-input.ts';
import type {
  AnswerReply,
  ErrorReply,
  MessageReply,
  RecordingReply,
  Scenario,
  ScenarioRule,
  ScriptedReply,
  When,
} from './scenario.ts';
import { findUnreadable } from './find-unreadable.ts';
import { ScenarioError } from './scenario-error.ts';
import { replyShape, scenarioShape, whenShape } from './scenario-shape.ts';

export interface ParsedRule {
  /** What it is called in messages. */
  readonly label: string;
  readonly when: When;
  /** One for all requests, or one for each. */
  readonly replies: readonly [ParsedReply, ...ParsedReply[]];
  /** How many requests it answers; Infinity for any number. */
  readonly times: number;
  readonly faults: ParsedPlan | undefined;
}

export type ParsedReply =
  | ({ readonly type: 'message' } & MessageReply)
  /** The built-in answer, to the request's own prompt when it has none. */
  | ({ readonly type: 'answer' } & Partial<AnswerReply>)
  | ({ readonly type: 'error'; readonly error: ErrorReply } & Pick<ErrorReply, 'delayMs'>)
  | ({ readonly type: 'recording' } & RecordingReply & { readonly recording: Uint8Array });

export interface ParsedScenario {
  readonly otherwise: 'error' | 'builtin';
  readonly rules: readonly ParsedRule[];
}

/** Everything that is wrong with a scenario. Paths of recordings are relative to `folder`. */
export function findProblems(value: unknown, folder = '.'): readonly Problem[] {
  return [...problemsOf(value, scenarioShape), ...findUnreadable(value, folder)];
}

/** Throws a ScenarioError. */
export function parseScenario(value: Scenario | readonly ScenarioRule[]): ParsedScenario {
  const given = Array.isArray(value) ? { rules: value as readonly ScenarioRule[] } : (value as Scenario);
  demand(findProblems(given), 'the scenario');
  const { otherwise = 'error', rules } = given;
  return { otherwise, rules: rules.map((rule, index) => parseRule(rule, ['rules', index])) };
}

/** One reply for one request. Throws a ScenarioError. */
export function parseSingleReply(reply: ScriptedReply, when: When, label: string): ParsedRule {
  demand(problemsOf(reply, replyShape), 'the reply');
  demand(problemsOf(when, whenShape), 'the condition of the reply');
  return { label, when, replies: [parseReply(reply, [])], times: 1, faults: undefined };
}

function demand(problems: readonly Problem[], what: string): void {
  if (problems.length > 0) throw new ScenarioError(what, problems);
}

type Path = Problem['path'];

function parseRule(rule: ScenarioRule, path: Path): ParsedRule {
  const { name, when = {}, reply, replies, times, faults } = rule;
  const number = Number(path.at(-1)) + 1;
  const [first, ...others] =
    replies?.map((each, index) => parseReply(each, [...path, 'replies', index])) ?? [];
  const single = reply === undefined ? ({ type: 'answer' } as const) : parseReply(reply, [...path, 'reply']);
  return {
    label: name === undefined ? `rule ${number}` : `rule ${number} "${name}"`,
    when,
    replies: first === undefined ? [single] : [first, ...others],
    times: replies?.length ?? times ?? Infinity,
    faults: faults === undefined ? undefined : parseFaultInput(faults, 'faults'),
  };
}

/** Of a shape that was found right. */
function parseReply(reply: ScriptedReply, path: Path): ParsedReply {
  if (typeof reply === 'string') return { type: 'message', content: reply };
  if ('status' in reply) return { type: 'error', error: reply, ...delayOf(reply) };
  if ('answer' in reply) return { ...reply, type: 'answer' };
  if ('recording' in reply) {
    return { ...reply, type: 'recording', recording: readRecording(reply.recording, [...path, 'recording']) };
  }
  return { ...reply, type: 'message' };
}

function delayOf({ delayMs }: ErrorReply): { delayMs?: number } {
  return delayMs === undefined ? {} : { delayMs };
}

function readRecording(recording: Uint8Array | string, path: Path): Uint8Array {
  if (typeof recording !== 'string') return recording;
  try {
    return new Uint8Array(readFileSync(recording));
  } catch (error) {
    throw new ScenarioError('the scenario', [{ path, message: (error as Error).message }], { cause: error });
  }
}
