// What is answered where.

import { answerMessages } from './answer-messages.ts';
import { apiError } from './api-errors.ts';
import type { Exchange } from './exchange.ts';
import { modelPage } from './model-page.ts';
import { modelEntry } from './models.ts';
import { sendJson } from './send-json.ts';
import { parseCountRequest, refuseCompletion } from './validate-request.ts';

export interface Route {
  readonly pattern: RegExp;
  /** A route with POST is handed the parsed body. */
  readonly method: 'GET' | 'POST';
  /** Throws an ApiError to have it sent. */
  answer(exchange: Exchange, body: unknown): Promise<void>;
}

const routes: readonly Route[] = [
  { pattern: /^\/v1\/messages$/, method: 'POST', answer: answerMessages },
  {
    pattern: /^\/v1\/messages\/count_tokens$/,
    method: 'POST',
    answer: (exchange, body) => {
      const inputTokens = parseCountRequest(body, exchange.simulation.settings.models);
      return sendJson(exchange, { body: { input_tokens: inputTokens } });
    },
  },
  {
    pattern: /^\/v1\/complete$/,
    method: 'POST',
    answer: ({ simulation }, body) => refuseCompletion(body, simulation.settings.models),
  },
  {
    pattern: /^\/v1\/models$/,
    method: 'GET',
    answer: (exchange) => sendJson(exchange, { body: modelPage(exchange.query) }),
  },
  {
    pattern: /^\/v1\/models\/[^/]+$/,
    method: 'GET',
    answer: (exchange) => {
      const id = exchange.path.slice('/v1/models/'.length);
      const body = modelEntry(id);
      if (body === undefined) throw apiError('not_found_error', `model: ${id}`);
      return sendJson(exchange, { body });
    },
  },
];

/** Throws the API's 404 for a path there is not, and its 405 for a method the path does not have. */
export function findRoute({ path, request }: Exchange): Route {
  const route = routes.find(({ pattern }) => pattern.test(path));
  if (route === undefined) throw apiError('not_found_error', 'Not found');
  if (route.method !== request.method) {
    throw apiError('invalid_request_error', 'Method Not Allowed', 405);
  }
  return route;
}
