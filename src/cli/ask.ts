// `millrace ask`: one question, its answer streamed to stdout. Everything else goes to stderr.

import { styleText } from 'node:util';
import { ApiError, ConnectionError, Millrace, TruncatedError } from '../client/index.ts';
import type { MessageStream } from '../client/index.ts';
import { startSimulator } from '../simulator/index.ts';
import { TerminalText } from './terminal-text.ts';

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

export async function ask(question: string, options: AskOptions): Promise<number> {
  const prompt = question === '' ? await readStdin() : question;
  if (prompt.trim() === '') {
    note('millrace ask: nothing to ask: give the question as an argument or on standard input');
    return exitCodes.usage;
  }
  await using resources = new AsyncDisposableStack();
  const client = await openClient(resources);
  const { model, maxTokens: max_tokens, system } = options;
  const stream = client.messages.stream({
    model,
    max_tokens,
    messages: [{ role: 'user', content: prompt }],
    ...(system === undefined ? {} : { system }),
  });
  return await print(stream);
}

async function openClient(resources: AsyncDisposableStack): Promise<Millrace> {
  const { ANTHROPIC_API_KEY, ANTHROPIC_AUTH_TOKEN, ANTHROPIC_BASE_URL } = process.env;
  if (ANTHROPIC_API_KEY || ANTHROPIC_AUTH_TOKEN || ANTHROPIC_BASE_URL) return new Millrace();
  const simulator = resources.use(await startSimulator());
  note('no ANTHROPIC_API_KEY is set: this answer comes from the built-in simulator, not from Claude');
  return new Millrace({ apiKey: 'simulated', baseURL: simulator.url });
}

async function print(stream: MessageStream): Promise<number> {
  const interrupt = (): void => stream.abort();
  process.once('SIGINT', interrupt);
  // A reader that leaves wants no more of the answer.
  const text = new TerminalText(process.stdout, interrupt);
  try {
    for await (const piece of stream.textStream) await text.write(piece);
    return exitCodeOfAnswer(stream);
  } catch (error) {
    return text.isClosed ? exitCodes.ok : report(error, stream);
  } finally {
    await text.end();
    process.off('SIGINT', interrupt);
  }
}

function exitCodeOfAnswer({ currentMessage }: MessageStream): number {
  for (const block of currentMessage?.content ?? []) {
    if (block.type === 'tool_use')
      note(`the model asks for the tool ${block.name} with ${JSON.stringify(block.input)}`);
  }
  if (currentMessage?.stop_reason === 'max_tokens') note('the answer was cut off at --max-tokens');
  if (currentMessage?.stop_reason !== 'refusal') return exitCodes.ok;
  note('the model refused to answer');
  return exitCodes.refusal;
}

function report(error: unknown, { ending }: MessageStream): number {
  if (ending?.type === 'aborted') {
    note('interrupted');
    return exitCodes.interrupted;
  }
  note(`millrace ask: ${error instanceof Error ? error.message : String(error)}`);
  if (error instanceof TruncatedError || error instanceof ConnectionError) return exitCodes.network;
  if (!(error instanceof ApiError)) return exitCodes.failed;
  if (error.status === 401 || error.status === 403) return exitCodes.auth;
  return error.status === 429 || error.status === 529 ? exitCodes.busy : exitCodes.failed;
}

async function readStdin(): Promise<string> {
  if (process.stdin.isTTY) return '';
  let text = '';
  for await (const chunk of process.stdin.setEncoding('utf8')) text += String(chunk);
  return text;
}

function note(text: string): void {
  process.stderr.write(`${styleText('dim', text, { stream: process.stderr })}\n`);
}
