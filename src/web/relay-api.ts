// What the page asks of its relay besides streams.

import { FollowError } from './errors.ts';
import { responseError } from './stream/response-error.ts';

export interface RelayInfo {
  readonly version: string;
  /** Answers come from the built-in simulator. */
  readonly simulated: boolean;
  readonly model: string;
  readonly maxTokens: number;
}

export interface RelayApi {
  /** Rejects when the relay does not answer, or with something else. */
  info(): Promise<RelayInfo>;
  /** Stops a stream; the stream itself says when it has. Rejects when that could not be asked for. */
  stop(streamId: string): Promise<void>;
}

type Fetch = (path: string, init: RequestInit) => Promise<Response>;

export function createRelayApi(fetch: Fetch): RelayApi {
  const ask = async (path: string, init: RequestInit): Promise<Response> => {
    const response = await fetch(path, { ...init, cache: 'no-store' });
    if (!response.ok) throw await responseError(response);
    return response;
  };
  return {
    info: async () => parseInfo(await (await ask('/relay.json', {})).json()),
    stop: async (streamId) => {
      await ask(`/streams/${encodeURIComponent(streamId)}/stop`, { method: 'POST' });
    },
  };
}

function parseInfo(value: unknown): RelayInfo {
  const { version, simulated, model, max_tokens } = (value ?? {}) as Record<string, unknown>;
  if (typeof version !== 'string' || typeof model !== 'string' || typeof max_tokens !== 'number') {
    throw new FollowError('unreachable', `Cannot read /relay.json: ${JSON.stringify(value)?.slice(0, 200)}`);
  }
  return { version, simulated: simulated === true, model, maxTokens: max_tokens };
}
