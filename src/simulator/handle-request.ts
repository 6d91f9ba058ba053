// From a request to its answer: the checks in their order, and the one place where errors become answers.

import { ApiError } from '../protocol/index.ts';
import { apiError } from './api-errors.ts';
import { checkApiHeaders, checkHost } from './check-caller.ts';
import type { Exchange } from './exchange.ts';
import { chooseFaults } from './faults/choose-faults.ts';
import { parseJsonBody } from './parse-json-body.ts';
import { readBody } from './read-body.ts';
import { answerReplay } from './replay/answer-replay.ts';
import { findRoute } from './routes.ts';
import { sendError } from './send-json.ts';

/** What a server is called by those who reach it. */
export interface Listening {
  readonly host: string;
  readonly port: number;
}

/** Never rejects. Where it listens is undefined for a request that came over no network. */
export async function handleRequest(exchange: Exchange, listening: Listening | undefined): Promise<void> {
  try {
    await answer(exchange, listening);
  } catch (error) {
    await refuse(exchange, error);
  }
}

async function answer(exchange: Exchange, listening: Listening | undefined): Promise<void> {
  const { request, simulation, record } = exchange;
  const { settings } = simulation;
  if (listening !== undefined) checkHost(request.headers, listening);
  if (simulation.replay?.kind === 'exchanges') return answerReplay(exchange, simulation.replay.matcher);
  const route = findRoute(exchange);
  if (route.method === 'GET') {
    checkApiHeaders(request.headers, settings);
    chooseFaults(exchange, undefined);
    return route.answer(exchange, undefined);
  }
  const bytes = await readBody(request, settings.maxBodyBytes);
  if (bytes === undefined) return;
  const text = bytes.toString();
  simulation.log.setBody(record, text, bytes.length);
  checkApiHeaders(request.headers, settings);
  const body = parseJsonBody(text);
  simulation.log.setBody(record, body, bytes.length);
  chooseFaults(exchange, body);
  simulation.log.changed(record);
  return route.answer(exchange, body);
}

async function refuse(exchange: Exchange, error: unknown): Promise<void> {
  const { outlet, response } = exchange;
  if (!(error instanceof ApiError)) process.emitWarning(error instanceof Error ? error : String(error));
  if (!outlet.isOpen) return;
  if (response.headersSent) {
    response.destroy();
    return;
  }
  await sendError(
    exchange,
    error instanceof ApiError ? error : apiError('api_error', 'Internal server error'),
  );
}
