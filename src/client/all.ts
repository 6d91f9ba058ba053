// Many prompts, a few at a time, and every answer with its own ending.

import type { DeepReadonly, Usage } from '../protocol/index.ts';
import type { StreamEnding } from './stream-ending.ts';
import { createLimiter, QueueFullError } from './limiter.ts';
import type { Limiter } from './limiter.ts';
import type { MessageParams, RequestOptions } from './message-params.ts';
import type { MessageStream } from './message-stream.ts';
import { callSafely, reportFailure } from './report-failure.ts';
import type { AttemptRecord } from './usage-record.ts';

/** What is asked: a text as the user's only message, or parameters over those of the options. */
export type Prompt = string | Partial<MessageParams>;

export interface AllOptions {
  /** What all requests have in common: at least `model` and `max_tokens`, unless every prompt has them. */
  params?: Partial<MessageParams> | undefined;
  /** How many at once. Default 4, or the limiter's. */
  concurrency?: number | undefined;
  /** To share a limit with others, under `key`. */
  limiter?: Limiter | undefined;
  key?: string | undefined;
  /** Options of each request; its signal ends those that run and those that wait. */
  request?: RequestOptions | undefined;
  /** Called when a request is begun and when an answer has its ending. */
  onProgress?: ((progress: AllProgress) => void) | undefined;
  /** Called with each stream when it is begun, to listen to it. */
  onStream?: ((stream: MessageStream, index: number) => void) | undefined;
}

export interface AllProgress {
  readonly index: number;
  /** Of this prompt; undefined when it was begun. */
  readonly result: AllResult | undefined;
  readonly total: number;
  readonly running: number;
  /** With any ending. */
  readonly finished: number;
  readonly complete: number;
}

/** The ending of a prompt for which there was no place in the queue of a limiter that others use too. */
export interface NotBegun {
  readonly type: 'failed';
  readonly error: QueueFullError;
  readonly message: undefined;
}

export interface AllResult {
  readonly index: number;
  /** All but `complete` carry the error, and the message so far. */
  readonly ending: StreamEnding | NotBegun;
  /** The text of all text blocks, as far as it came. */
  readonly text: string;
  readonly usage: DeepReadonly<Usage> | undefined;
  readonly attempts: readonly AttemptRecord[];
  readonly request_id: string | undefined;
}

/**
 * Asks all prompts and resolves with their results, in their order. One that fails does not end the others, and
 * neither rejects this; only misuse does, with a RangeError.
 *
 * @example
 * const results = await all(client, ['one', 'two'], { params: { model, max_tokens: 1024 } });
 * for (const { text, ending } of results) console.log(ending.type, text);
 */
export async function all(
  client: { readonly messages: { stream(params: MessageParams, options?: RequestOptions): MessageStream } },
  prompts: readonly Prompt[],
  options: AllOptions = {},
): Promise<AllResult[]> {
  const limiter = options.limiter ?? createLimiter({ concurrency: options.concurrency ?? 4 });
  const results: AllResult[] = [];
  const counts = { running: 0, finished: 0, complete: 0 };
  const tell = (index: number, result?: AllResult): void => {
    const progress = { index, result, total: prompts.length, ...counts };
    callSafely(
      () => options.onProgress?.(progress),
      (error) => reportFailure(undefined, 'onProgress', error),
    );
  };
  const ask = async (prompt: Prompt, index: number): Promise<AllResult> => {
    const params = paramsOf(prompt, options.params ?? {});
    const stream = client.messages.stream(params, options.request);
    counts.running += 1;
    tell(index);
    callSafely(
      () => options.onStream?.(stream, index),
      (error) => reportFailure(undefined, 'onStream', error),
    );
    await stream.done().catch(() => undefined);
    counts.running -= 1;
    return resultOf(stream, index);
  };
  // Only as many wait for a turn as could have one: a shared limiter's queue is everybody's.
  const left = prompts.entries();
  const work = async (): Promise<void> => {
    for (const [index, prompt] of left) {
      const result = await inTurn(index, () => ask(prompt, index), { ...options, limiter });
      results[index] = result;
      counts.finished += 1;
      if (result.ending.type === 'complete') counts.complete += 1;
      tell(index, result);
    }
  };
  const workers = Math.min(options.concurrency ?? Infinity, limiter.concurrency, prompts.length);
  await Promise.all(Array.from({ length: workers }, work));
  return results;
}

async function inTurn(
  index: number,
  ask: () => Promise<AllResult>,
  { limiter, key, request }: AllOptions & { limiter: Limiter },
): Promise<AllResult> {
  const signal = request?.signal;
  try {
    return await limiter.run(ask, { key, signal });
  } catch (error) {
    const ending = endingOf(error, signal);
    return { index, ending, text: '', usage: undefined, attempts: [], request_id: undefined };
  }
}

const nothing = { message: undefined, usage: undefined, request_id: undefined };

/** Of what was not begun. Rethrows misuse. */
function endingOf(error: unknown, signal: AbortSignal | undefined): AllResult['ending'] {
  if (error instanceof QueueFullError) return { type: 'failed', error, ...nothing };
  if (signal?.aborted !== true) throw error;
  return { type: 'aborted', error: signal.reason as unknown, ...nothing };
}

function paramsOf(prompt: Prompt, common: Partial<MessageParams>): MessageParams {
  const own = typeof prompt === 'string' ? { messages: [{ role: 'user', content: prompt }] } : prompt;
  return { ...common, ...own } as MessageParams;
}

function resultOf(stream: MessageStream, index: number): AllResult {
  const { usage, attempts, request_id, currentMessage } = stream;
  const blocks = currentMessage?.content ?? [];
  const text = blocks
    .map((block) => (block.type === 'text' ? (block as { text: string }).text : ''))
    .join('');
  // `done` is settled, so that there is one.
  return { index, ending: stream.ending as StreamEnding, text, usage, attempts, request_id };
}
