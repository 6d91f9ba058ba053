// What is tried in each runtime, over `fetch` alone: bundled with the client, it runs there and says what it found.
// It knows nothing of Node.

import { ConfigurationError, Millrace, TimeoutError } from 'millrace/client';
import type { ClientOptions, MessageParams, MessageStream, RequestOptions } from 'millrace/client';
import { MessageAccumulator, StreamEventDecoder } from 'millrace/protocol';

export interface Findings {
  /** Where a client goes that is told nothing but a key. */
  readonly defaultAddress: string;
  /** The code of the error of a client without any key. */
  readonly withoutKey: string | undefined;
  readonly whole: Outcome;
  /** Of an answer whose connection is closed, or reset, in the middle. */
  readonly cutByFin: Outcome;
  readonly cutByRst: Outcome;
  /** The same without `recover`. */
  readonly cutForGood: Outcome;
  /** Of an answer that falls silent. */
  readonly silent: Outcome & { readonly code: string | undefined };
  readonly aborted: Outcome & { readonly isReason: boolean };
  /** What the decoder of millrace/protocol makes of the bytes. */
  readonly decodedText: string;
}

interface Outcome {
  readonly ending: string | undefined;
  readonly text: string;
  readonly attempts: readonly string[];
}

export const answerPrompt = 'long 150';

/** How long silence may be: only the answer that never goes on is silent for so long. */
const idleMs = 2000;

export async function probe(options: ClientOptions): Promise<Findings> {
  const client = new Millrace(options);
  const ask = (fault: string, request: RequestOptions): MessageStream =>
    client.messages.stream(paramsOf(fault), { retry: { maxRetries: 0 }, ...request });
  // These first: whoever watches sees their connections close while the program goes on with the others.
  const aborted = await readAborted(ask('/fault stall atEvent=9\n', {}));
  const silent = await readSilent(ask('/fault stall atEvent=9\n', { timeouts: { idleMs } }));
  return {
    defaultAddress: new Millrace({ ...options, baseURL: undefined }).baseURL,
    withoutKey: await codeWithoutKey(options),
    whole: (await read(ask('', {}))).outcome,
    cutByFin: (await read(ask('/fault cut atEvent=9 by=fin\n', { recover: true }))).outcome,
    cutByRst: (await read(ask('/fault cut atEvent=9 by=rst\n', { recover: true }))).outcome,
    cutForGood: (await read(ask('/fault cut atEvent=9 by=fin\n', {}))).outcome,
    silent,
    aborted,
    decodedText: await decode(client),
  };
}

function paramsOf(fault: string): MessageParams {
  return {
    model: 'claude-sonnet-5',
    max_tokens: 4096,
    messages: [{ role: 'user', content: fault + answerPrompt }],
  };
}

async function codeWithoutKey(options: ClientOptions): Promise<string | undefined> {
  const { messages } = new Millrace({ ...options, apiKey: null });
  const error: unknown = await messages.create(paramsOf('')).catch((cause: unknown) => cause);
  return error instanceof ConfigurationError ? error.code : undefined;
}

async function read(
  stream: MessageStream,
  onText: () => void = () => undefined,
): Promise<{ outcome: Outcome; error: unknown }> {
  let text = '';
  let error: unknown;
  try {
    for await (const piece of stream.textStream) {
      text += piece;
      onText();
    }
  } catch (cause) {
    error = cause;
  }
  const attempts = stream.attempts.map(({ kind }) => kind);
  return { outcome: { ending: stream.ending?.type, text, attempts }, error };
}

async function readSilent(stream: MessageStream): Promise<Findings['silent']> {
  const { outcome, error } = await read(stream);
  return { ...outcome, code: error instanceof TimeoutError ? error.code : undefined };
}

async function readAborted(stream: MessageStream): Promise<Findings['aborted']> {
  const reason = new Error('enough');
  const { outcome, error } = await read(stream, () => stream.abort(reason));
  return { ...outcome, isReason: error === reason };
}

async function decode(client: Millrace): Promise<string> {
  const response = await client.messages.create({ ...paramsOf(''), stream: true }).asResponse();
  const decoder = new StreamEventDecoder();
  const accumulator = new MessageAccumulator();
  const reader = (response.body ?? new Blob().stream()).getReader();
  for (let chunk = await reader.read(); chunk.value !== undefined; chunk = await reader.read()) {
    for (const event of decoder.push(chunk.value)) accumulator.push(event);
  }
  for (const event of decoder.end()) accumulator.push(event);
  const content = accumulator.message?.content ?? [];
  return content.map((block) => (block.type === 'text' ? block.text : '')).join('');
}
