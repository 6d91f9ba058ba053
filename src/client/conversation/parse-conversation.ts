// A conversation as JSON: what is saved, and the check of what is loaded.

import type { DeepReadonly, Usage } from '../../protocol/index.ts';
import type { MessageParams } from '../message-params.ts';
import { checkJson } from '../schema/check-json.ts';
import { describeIssues } from '../schema/value-schema.ts';
import { ConversationError } from './conversation-error.ts';
import type { ConversationTurn } from './conversation-turn.ts';

/** Grows when an older reader could not read what is written. */
export const conversationVersion = 1;

/** The parameters of every request but its messages. */
export type ConversationParams = Omit<KnownParams, 'messages'> & { readonly [field: string]: unknown };

type KnownParams = {
  [Key in keyof MessageParams as string extends Key ? never : Key]: MessageParams[Key];
};

export interface ConversationJson {
  readonly version: typeof conversationVersion;
  readonly params: ConversationParams;
  readonly turns: readonly ConversationTurn[];
  /** What the conversation took so far. */
  readonly usage?: DeepReadonly<Usage> | undefined;
}

const schema = {
  type: 'object',
  required: ['version', 'params', 'turns'],
  properties: {
    version: { const: conversationVersion },
    params: {
      type: 'object',
      required: ['model', 'max_tokens'],
      properties: { model: { type: 'string' }, max_tokens: { type: 'integer' } },
    },
    turns: {
      type: 'array',
      items: {
        type: 'object',
        required: ['role', 'content'],
        properties: {
          role: { enum: ['user', 'assistant'] },
          content: { type: ['string', 'array'], items: { $ref: '#/$defs/block' } },
          answer: { type: 'object', required: ['ending'], properties: { ending: { type: 'string' } } },
          leftOut: { enum: ['refusal', 'rejected'] },
        },
      },
    },
    usage: { type: 'object' },
  },
  $defs: { block: { type: 'object', required: ['type'], properties: { type: { type: 'string' } } } },
} as const;

/** Throws a ConversationError when `value` is not what `toJSON` gave. */
export function parseConversation(value: unknown): ConversationJson {
  const { version } = (value ?? {}) as { version?: unknown };
  if (typeof version === 'number' && version > conversationVersion) {
    const known = `this one reads version ${conversationVersion}`;
    throw invalid(`it was saved by a later version of this library (${version}); ${known}`);
  }
  const issues = checkJson(schema, value);
  if (issues.length > 0) throw invalid(describeIssues(issues));
  return structuredClone(value) as ConversationJson;
}

function invalid(detail: string): ConversationError {
  return new ConversationError('invalid_conversation', `Cannot load the conversation: ${detail}`);
}
