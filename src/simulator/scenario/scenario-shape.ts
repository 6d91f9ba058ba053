// What each part of a scenario may hold: the tables behind every message about one that is wrong.

import {
  flag,
  integerFrom,
  listOf,
  objectOf,
  oneOf,
  orNull,
  reportUnknown,
  show,
  text,
  where,
} from '../../document/index.ts';
import type { Fields, Shape, Spot } from '../../document/index.ts';
import { ApiError, statusOfErrorType } from '../../protocol/index.ts';
import { demandNoRefusal } from '../faults/fault-plans.ts';
import { parseFaultInput } from '../faults/parse-fault-input.ts';
import { isObject } from '../validate-value.ts';
import type {
  AnswerReply,
  ErrorReply,
  MessageReply,
  RecordingReply,
  Scenario,
  ScenarioRule,
  TextTest,
  ToolResultMatch,
  When,
} from './scenario.ts';

/** A table with every field of a type. */
type FieldsOf<Type> = { readonly [Name in keyof Type]-?: Shape };

const json = where(isObject, 'an object');

const textTest = objectOf({
  is: text,
  contains: text,
  matches: text,
  flags: where(
    (value) => typeof value === 'string' && /^[imsuv]*$/.test(value),
    'some of the flags i, m, s, u, v',
  ),
} satisfies FieldsOf<TextTest>);

const textMatch: Shape = (value, spot) => {
  if (typeof value === 'string' || typeof value === 'boolean' || value instanceof RegExp) return;
  if (!isObject(value))
    return spot.want('a text, true, false, or an object with is, contains or matches', value);
  textTest(value, spot);
  const { is, contains, matches, flags = '' } = value;
  if (is === undefined && contains === undefined && matches === undefined) {
    spot.want('one of is, contains and matches at least', value);
  }
  if (typeof matches === 'string' && typeof flags === 'string')
    checkPattern([matches, flags], spot.at('matches'));
};

function checkPattern([pattern, flags]: readonly [string, string], spot: Spot): void {
  try {
    new RegExp(pattern, flags).test('');
  } catch (error) {
    spot.report(`${show(pattern)} is no regular expression: ${(error as Error).message}`);
  }
}

const toolResultMatch = objectOf({
  tool: text,
  content: textMatch,
  isError: flag,
} satisfies FieldsOf<ToolResultMatch>);

export const whenShape: Shape = objectOf({
  model: textMatch,
  user: textMatch,
  opening: textMatch,
  system: textMatch,
  toolResult: (value, spot) => {
    if (isObject(value)) return toolResultMatch(value, spot);
    if (typeof value === 'string' || typeof value === 'boolean') return;
    spot.want('true, false, the name of a tool, or an object with tool, content or isError', value);
  },
  offers: text,
  turn: integerFrom(1),
  stream: flag,
  headers: (value, spot) => {
    if (!isObject(value)) return spot.want('an object of headers', value);
    for (const [name, wanted] of Object.entries(value)) textMatch(wanted, spot.at(name));
  },
} satisfies FieldsOf<When>);

/** Within an hour: a longer wait is a mistake in the unit. */
const duration = where(
  (value) => typeof value === 'number' && value >= 0 && value <= 3_600_000,
  'a number of milliseconds from 0 to 3600000',
);
const timing = { delayMs: duration, gapMs: duration };

/** Fields of blocks that the simulator looks at; the others pass through. */
const blockFields: Readonly<Record<string, Fields>> = {
  text: { text },
  thinking: { thinking: text },
  tool_use: { name: text },
};

const block: Shape = (value, spot) => {
  if (typeof value === 'string') return;
  if (!isObject(value)) return spot.want('a text or a content block', value);
  if (typeof value['type'] !== 'string') return spot.at('type').want('the type of a block', value['type']);
  for (const [name, field] of Object.entries(blockFields[value['type']] ?? {}))
    field(value[name], spot.at(name));
  const { id, input, signature } = value;
  if (id !== undefined) text(id, spot.at('id'));
  if (input !== undefined) json(input, spot.at('input'));
  if (signature !== undefined) text(signature, spot.at('signature'));
};

const tokenCounts = [
  'input_tokens',
  'output_tokens',
  'cache_creation_input_tokens',
  'cache_read_input_tokens',
] as const;

/** The counts that everybody adds up; the rest passes through. */
const usage: Shape = (value, spot) => {
  if (!isObject(value)) return spot.want('an object', value);
  for (const name of tokenCounts) {
    if (value[name] != null) integerFrom(0)(value[name], spot.at(name));
  }
};

const message = objectOf({
  content: (value, spot) => {
    if (typeof value !== 'string') listOf(block, 'a text or a list of blocks')(value, spot);
  },
  id: text,
  type: oneOf('message'),
  role: oneOf('assistant'),
  model: text,
  stop_reason: text,
  stop_sequence: orNull(text),
  stop_details: orNull(json),
  container: orNull(json),
  usage,
  ...timing,
} satisfies FieldsOf<MessageReply>);

const answer = objectOf({ answer: text, ...timing } satisfies FieldsOf<AnswerReply>);

const error = objectOf({
  status: integerFrom(400, 599),
  type: oneOf(...Object.keys(statusOfErrorType)),
  message: text,
  retryAfter: where(
    (value) => typeof value === 'string' || (typeof value === 'number' && value >= 0),
    'seconds or a date',
  ),
  delayMs: duration,
} satisfies FieldsOf<ErrorReply>);

const recording = objectOf({
  recording: where((value) => typeof value === 'string' || value instanceof Uint8Array, 'the path of a file'),
  ...timing,
} satisfies FieldsOf<RecordingReply>);

/** By the field that tells each from the others. */
const replies = { content: message, answer, status: error, recording } as const;

export const replyShape: Shape = (value, spot) => {
  if (typeof value === 'string') return;
  const wanted = `a text, or an object with ${Object.keys(replies).join(', ')}`;
  if (!isObject(value)) return spot.want(wanted, value);
  const kinds = Object.keys(replies).filter((name) => value[name] !== undefined) as (keyof typeof replies)[];
  const [kind] = kinds;
  if (kind === undefined) {
    const [name] = Object.keys(value);
    return name === undefined ? spot.want(wanted, value) : reportUnknown(name, Object.keys(replies), spot);
  }
  if (kinds.length > 1) return spot.report(`only one of ${kinds.join(', ')} can be given`);
  replies[kind](value, spot);
};

const faults: Shape = (value, spot) => {
  try {
    demandNoRefusal(parseFaultInput(value, 'faults'), 'faults');
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    spot.report(error.message.replace(/^faults(?:\.|: )/, ''));
  }
};

const ruleFields = {
  name: text,
  when: whenShape,
  reply: replyShape,
  replies: (value, spot) => {
    listOf(replyShape, 'a list of replies')(value, spot);
    if (Array.isArray(value) && value.length === 0) spot.want('one reply at least', value);
  },
  times: integerFrom(1),
  faults,
} satisfies FieldsOf<ScenarioRule>;

const ruleShape: Shape = (value, spot) => {
  objectOf(ruleFields)(value, spot);
  if (!isObject(value)) return;
  const { reply: one, replies: several, faults: plan, times } = value;
  if (one === undefined && several === undefined && plan === undefined) {
    spot.report('a rule needs one of reply, replies and faults');
  }
  if (several === undefined) return;
  if (one !== undefined) spot.report('only one of reply and replies can be given');
  if (times !== undefined) spot.at('times').report('replies are given once each: times belongs to reply');
};

export const scenarioShape: Shape = objectOf(
  {
    otherwise: oneOf('error', 'builtin'),
    rules: listOf(ruleShape, 'a list of rules'),
  } satisfies FieldsOf<Scenario>,
  ['rules'],
);
