// The shapes of the fields of a request that stand for themselves, in the order in which the API looks at them.
// Left out means a default; null is a value, and a wrong one.

import { invalidRequest } from './api-errors.ts';
import type { JsonObject } from './json-object.ts';
import { checkBlock } from './validate-block.ts';
import type { InputBlock } from './messages-request.ts';
import {
  refuseOthers,
  requireInteger,
  requireList,
  requireNumber,
  requireObject,
  requireOneOf,
  requireString,
} from './validate-value.ts';

/** The system prompt: a text, or blocks of text. Throws an ApiError. */
export function checkSystem(value: unknown): void {
  if (value === undefined || typeof value === 'string') return;
  requireList(value, 'system').forEach((item, index) => {
    const path = `system.${index}`;
    const block = requireObject(item, path);
    requireString(block['type'], `${path}.type`);
    requireOneOf(block['type'], `${path}.type`, ['text']);
    requireString(block['text'], `${path}.text`);
    checkBlock(block as InputBlock, path);
  });
}

/** What samples and what accounts, up to `stream`. Throws an ApiError. */
export function checkSettings(body: JsonObject): void {
  for (const [name, check] of Object.entries(checks)) {
    if (body[name] !== undefined) check(body[name]);
  }
}

const userFields = new Set(['user_id']);

const checks: Readonly<Record<string, (value: unknown) => void>> = {
  metadata: (value) => {
    const metadata = requireObject(value, 'metadata');
    refuseOthers(metadata, 'metadata.', userFields);
    if (metadata['user_id'] != null) requireString(metadata['user_id'], 'metadata.user_id');
  },
  stop_sequences: (value) => {
    requireList(value, 'stop_sequences').forEach((item, index) => {
      const sequence = requireString(item, `stop_sequences.${index}`);
      if (sequence.trim() !== '') return;
      throw invalidRequest('stop_sequences: each stop sequence must contain non-whitespace');
    });
  },
  temperature: (value) => requireShare(value, 'temperature'),
  service_tier: (value) => requireOneOf(value, 'service_tier', ['auto', 'standard_only']),
  top_k: (value) => void requireInteger(value, 'top_k', -Infinity),
  top_p: (value) => requireShare(value, 'top_p'),
  stream: (value) => {
    if (typeof value !== 'boolean') throw invalidRequest('stream: Input should be a valid boolean');
  },
  inference_geo: (value) => void requireString(value, 'inference_geo'),
};

function requireShare(value: unknown, path: string): void {
  const share = requireNumber(value, path);
  if (share < 0 || share > 1) throw invalidRequest(`${path}: range: 0..1`);
}
