// `cache_control`, wherever it may stand.

import { invalidRequest } from './api-errors.ts';
import type { JsonObject } from './json-object.ts';
import { isObject, requireOneOf, requireTagged } from './validate-value.ts';

/** The shape of one mark. Throws an ApiError. */
export function checkCacheControl(value: unknown, path: string): void {
  if (value == null) return;
  const { type, ttl } = requireTagged(value, path);
  requireOneOf(type, `${path}.type`, ['ephemeral']);
  if (ttl !== undefined) requireOneOf(ttl, `${path}.ephemeral.ttl`, ['5m', '1h']);
}

/** What is kept for an hour comes before what is kept for five minutes. Every mark was found sound. */
export function checkCacheOrder(body: JsonObject): void {
  let hasShort = false;
  for (const { path, ttl } of marksIn(body)) {
    if (ttl === '1h' && hasShort) {
      throw invalidRequest(
        `${path}.cache_control.ttl: a ttl='1h' cache_control block must not come after a ttl='5m' cache_control ` +
          'block. Note that blocks are processed in the following order: `tools`, `system`, `messages`.',
      );
    }
    hasShort ||= ttl !== '1h';
  }
}

interface Mark {
  readonly path: string;
  readonly ttl: unknown;
}

/** In the order in which the model reads. */
function* marksIn({ tools, system, messages }: JsonObject): Generator<Mark> {
  yield* marksAmong(tools, 'tools');
  yield* marksAmong(system, 'system');
  for (const [index, message] of (Array.isArray(messages) ? messages : []).entries()) {
    yield* marksAmong((message as JsonObject)['content'], `messages.${index}.content`);
  }
}

function* marksAmong(blocks: unknown, path: string): Generator<Mark> {
  for (const [index, block] of (Array.isArray(blocks) ? blocks : []).entries()) {
    const mark: unknown = isObject(block) ? block['cache_control'] : undefined;
    if (isObject(mark)) yield { path: `${path}.${index}`, ttl: mark['ttl'] };
  }
}
