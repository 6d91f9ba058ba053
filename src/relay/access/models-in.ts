// Every model that a request would have upstream ask.

import type { MessagesBody } from './asked.ts';

/** The model itself, as it was said, and those that upstream turns to: its fallbacks, and tools that are models. */
export function modelsIn({ model, fallbacks, tools }: MessagesBody): unknown[] {
  return [model, ...namedIn(fallbacks), ...namedIn(tools)];
}

function namedIn(list: unknown): unknown[] {
  if (!Array.isArray(list)) return [];
  const models = list.map((each) => (Object(each) as { model?: unknown }).model);
  return models.filter((model) => model !== undefined);
}
