// One page of `GET /v1/models`. The API's own texts for wrong parameters are not recorded: these follow the form of
// its others.

import { invalidRequest } from './api-errors.ts';
import type { JsonObject } from './json-object.ts';
import { listModels } from './models.ts';

const mostOnPage = 1000;
const usualOnPage = 20;

/**
 * The body for a query. The models behind `after_id`, or those right before `before_id`: a page backwards ends where
 * the one it was asked from begins. Throws an ApiError.
 */
export function modelPage(query: URLSearchParams): JsonObject {
  const limit = parseLimit(query.get('limit'));
  const [after, before] = [query.get('after_id'), query.get('before_id')];
  if (after !== null && before !== null) {
    throw invalidRequest('before_id: before_id and after_id cannot both be given');
  }
  const models = listModels();
  const rest =
    before === null
      ? models.slice(after === null ? 0 : positionOf(after, 'after_id') + 1)
      : models.slice(0, positionOf(before, 'before_id'));
  const data = before === null ? rest.slice(0, limit) : rest.slice(-limit);
  return {
    data,
    has_more: data.length < rest.length,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
  };
}

function parseLimit(text: string | null): number {
  if (text === null) return usualOnPage;
  if (!/^[+-]?\d+$/.test(text)) {
    throw invalidRequest('limit: Input should be a valid integer, unable to parse string as an integer');
  }
  const limit = Number(text);
  if (limit < 1) throw invalidRequest('limit: Input should be greater than or equal to 1');
  if (limit > mostOnPage) throw invalidRequest(`limit: Input should be less than or equal to ${mostOnPage}`);
  return limit;
}

function positionOf(id: string, parameter: string): number {
  const position = listModels().findIndex((model) => model.id === id);
  if (position < 0) throw invalidRequest(`${parameter}: no model has the id ${JSON.stringify(id)}`);
  return position;
}
