// `millrace ask`: one question, its answer streamed to stdout. Everything else goes to stderr.

import {
  ApiError,
  ConfigurationError,
  ConnectionError,
  Millrace,
  TimeoutError,
  TruncatedError,
} from '../client/index.ts';
import type { MessageStream, RetryEvent } from '../client/index.ts';
import { startSimulator } from '../simulator/index.ts';
import { note } from './note.ts';
import { readStdin } from './read-stdin.ts';
import { TerminalText } from './terminal-text.ts';
import { checkedAddress } from './upstream-address.ts';

export interface AskOptions {
  readonly model: string;
  readonly maxTokens: number;
  readonly system?: string;
}

/** What a shell script can tell apart. */
const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  auth: 3,
  busy: 4,
  network: 5,
  refusal: 6,
  interrupted: 130,
} as const;

/** Asks what the words say, about what is piped in; the word `-` says to wait for that however long it takes. */
export async function ask(words: readonly string[], options: AskOptions): Promise<number> {
  const question = words.filter((word) => word !== '-').join(' ');
  const isOptional = question !== '' && !words.includes('-');
  await using resources = new AsyncDisposableStack();
  let prompt: string;
  let client: Millrace;
  try {
    const piped = await readStdin({ isOptional });
    if (piped === undefined)
      say('nothing comes on standard input: asking without it (to wait for it, add -)');
    prompt = promptOf(piped ?? '', question);
    client = await openClient(resources);
  } catch (error) {
    say(`millrace ask: ${messageOf(error)}`);
    return isKeyMissing(error) ? exitCodes.auth : exitCodes.usage;
  }
  const { model, maxTokens: max_tokens, system } = options;
  const stream = client.messages.stream(
    {
      model,
      max_tokens,
      messages: [{ role: 'user', content: prompt }],
      ...(system === undefined ? {} : { system }),
    },
    // What is on the terminal already would be asked for, and paid, a second time.
    { recover: true },
  );
  stream.on('retry', sayRetry);
  return await print(stream);
}

/** A document that is piped in, and what to do with it. */
function promptOf(piped: string, question: string): string {
  const document = question === '' ? piped : piped.trimEnd();
  const prompt = [document, question].filter((part) => part.trim() !== '').join('\n\n');
  if (prompt !== '') return prompt;
  throw new Error('nothing to ask: give the question as an argument or on standard input');
}

async function openClient(resources: AsyncDisposableStack): Promise<Millrace> {
  const { ANTHROPIC_API_KEY, ANTHROPIC_AUTH_TOKEN, ANTHROPIC_BASE_URL } = process.env;
  const address = ANTHROPIC_BASE_URL ? { baseURL: checkedAddress(ANTHROPIC_BASE_URL) } : {};
  if (ANTHROPIC_API_KEY || ANTHROPIC_AUTH_TOKEN || ANTHROPIC_BASE_URL) return new Millrace(address);
  const simulator = resources.use(await startSimulator());
  say('no ANTHROPIC_API_KEY is set: this answer comes from the built-in simulator, not from Claude');
  return new Millrace({ apiKey: 'simulated', baseURL: simulator.url });
}

/** Says why it takes longer; what happens in the middle of the text is said behind it. */
function sayRetry({ error, kind, delayMs }: RetryEvent): void {
  if (kind === 'recovery') return;
  say(`${error.message}: trying again${delayMs < 1000 ? '' : ` in ${Math.round(delayMs / 1000)} s`}`);
}

function sayRecoveries({ attempts }: MessageStream): void {
  for (const [index, { kind }] of attempts.entries()) {
    const before = attempts[index - 1]?.error;
    if (kind === 'recovery') say(`the answer broke off and was gone on with: ${messageOf(before)}`);
  }
}

async function print(stream: MessageStream): Promise<number> {
  const interrupt = (): void => stream.abort();
  process.once('SIGINT', interrupt);
  // A reader that leaves wants no more of the answer.
  const text = new TerminalText(process.stdout, interrupt);
  // Notes that nobody reads are no reason to end.
  process.stderr.on('error', () => undefined);
  let failure: { readonly error: unknown } | undefined;
  try {
    for await (const piece of stream.textStream) await text.write(piece);
  } catch (error) {
    failure = { error };
  }
  // Before anything is reported, so that it stands on a line of its own.
  await text.end();
  process.off('SIGINT', interrupt);
  if (text.isClosed) return exitCodes.ok;
  sayRecoveries(stream);
  if (text.error !== undefined) {
    say(`millrace ask: cannot write the answer: ${text.error.message}`);
    return exitCodes.failed;
  }
  return failure === undefined ? exitCodeOfAnswer(stream) : report(failure.error, stream);
}

function exitCodeOfAnswer({ currentMessage }: MessageStream): number {
  for (const block of currentMessage?.content ?? []) {
    if (block.type === 'tool_use')
      say(`the model asks for the tool ${block.name} with ${JSON.stringify(block.input)}`);
  }
  if (currentMessage?.stop_reason === 'max_tokens') say('the answer was cut off at --max-tokens');
  if (currentMessage?.stop_reason !== 'refusal') return exitCodes.ok;
  say('the model refused to answer');
  return exitCodes.refusal;
}

function report(error: unknown, { ending }: MessageStream): number {
  if (ending?.type === 'aborted') {
    say('interrupted');
    return exitCodes.interrupted;
  }
  say(`millrace ask: ${messageOf(error)}`);
  if (isOfNetwork(error)) return exitCodes.network;
  if (isKeyMissing(error)) return exitCodes.auth;
  if (!(error instanceof ApiError)) return exitCodes.failed;
  if (error.status === 401 || error.status === 403) return exitCodes.auth;
  return error.status === 429 || error.status === 529 ? exitCodes.busy : exitCodes.failed;
}

function isOfNetwork(error: unknown): boolean {
  return [TruncatedError, ConnectionError, TimeoutError].some((type) => error instanceof type);
}

function isKeyMissing(error: unknown): boolean {
  return error instanceof ConfigurationError && error.code === 'missing_api_key';
}

/** What is piped in; a terminal is never waited for. */
function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function say(text: string): void {
  note(text, 'dim');
}
