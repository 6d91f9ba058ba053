// A run of tools as the caller holds it: events, text, promises, the history; and the loop itself.

import type { DeepReadonly, Message, ToolUseBlock, Usage } from '../../protocol/index.ts';
import type { ClientEvent } from '../answer.ts';
import { errorOfStopReason } from '../answer-error.ts';
import { EventLog } from '../event-log.ts';
import { follow } from '../follow.ts';
import { keepContent } from '../keep-content.ts';
import type { AnswerSoFar } from '../keep-content.ts';
import type { ContentParam, MessageParam, MessageParams, RequestOptions } from '../message-params.ts';
import type { MessageStream } from '../message-stream.ts';
import type { MessagesClient } from '../messages-client.ts';
import { quiet } from '../quiet.ts';
import { totalUsage } from '../usage-record.ts';
import type { AttemptRecord } from '../usage-record.ts';
import { runCalls } from './run-calls.ts';
import type { CallSettings, WrittenCall } from './run-calls.ts';
import type { Tool } from './tool.ts';
import { ToolInputs } from './tool-inputs.ts';
import { toToolFailure } from './tool-result.ts';
import type { ToolRunEvent } from './tool-events.ts';
import { endingOf, unfinished } from './tool-run-ending.ts';
import type { ToolRunEnding } from './tool-run-ending.ts';
import { writtenCalls } from './written-calls.ts';

export interface ToolRunSettings extends Pick<
  CallSettings,
  'tools' | 'approve' | 'maxConcurrency' | 'toolTimeoutMs'
> {
  /** With the definitions of the tools. */
  readonly params: MessageParams;
  readonly maxTurns: number;
  readonly maxPauses: number;
  readonly keepToolChoice: boolean;
}

/** What {@link runTools} returns. */
export class ToolRun<Each = Tool> implements AsyncIterable<ToolRunEvent<Each>>, AsyncDisposable {
  readonly #client: MessagesClient;
  readonly #settings: ToolRunSettings;
  readonly #options: RequestOptions;
  /** Follows the caller's signal for as long as the run goes on. */
  readonly #controller = new AbortController();
  readonly #log = new EventLog<ToolRunEvent<Each>>();
  /** Never rejects. */
  readonly #running: Promise<void>;
  /** Of the turns that have ended. */
  readonly #attempts: AttemptRecord[] = [];
  #messages: readonly MessageParam[];
  /** The stream of the turn; undefined while the turn's tools run. */
  #stream: MessageStream | undefined;
  /** The latest message, whole or not. */
  #message: DeepReadonly<Message> | undefined;
  #partial: readonly ContentParam[] = [];
  #ending: ToolRunEnding | undefined;
  #turn = 0;
  /** Whether the model has called anything. */
  #hasCalled = false;
  #pauses = 0;
  /** Whether a promise was asked for: then the run goes on when a loop is left. */
  #isAwaited = false;

  /** Sends the first request. */
  constructor(client: MessagesClient, settings: ToolRunSettings, options: RequestOptions) {
    this.#client = client;
    this.#settings = settings;
    this.#options = options;
    this.#messages = settings.params.messages;
    const letGo = follow(options.signal, this.#controller);
    const first = this.#open();
    this.#running = this.#run(first).finally(letGo);
  }

  /** The whole history so far: always such that it can be sent. An answer that broke off is not in it. */
  get messages(): readonly MessageParam[] {
    return this.#messages;
  }

  /** What can be kept of the answer that the run broke off in; empty when it did not. */
  get partial(): readonly ContentParam[] {
    return this.#partial;
  }

  /** What has arrived of the latest answer: a live, read-only view. */
  get currentMessage(): DeepReadonly<Message> | undefined {
    return this.#stream?.currentMessage ?? this.#message;
  }

  /** The number of the turn, from 1: of the request under way, or of the last one. */
  get turn(): number {
    return this.#turn;
  }

  /** How the run ended; undefined while it goes on. */
  get ending(): ToolRunEnding | undefined {
    return this.#ending;
  }

  get aborted(): boolean {
    return this.#ending === undefined ? this.#controller.signal.aborted : this.#ending.type === 'aborted';
  }

  /** Every request of every turn. */
  get attempts(): readonly AttemptRecord[] {
    return [...this.#attempts, ...(this.#stream?.attempts ?? [])];
  }

  /** What all turns took together, so far. */
  get usage(): Usage | undefined {
    return totalUsage(this.attempts);
  }

  /** The pieces of text of all turns, from the first on. */
  get textStream(): AsyncIterable<string> {
    return this.#texts();
  }

  /** Resolves when the run is complete; rejects at every other ending, with its error. */
  done(): Promise<void> {
    this.#isAwaited = true;
    return quiet(this.#running.then(() => this.#throwUnlessComplete()));
  }

  /** The last message: the one without calls. Rejects as `done` does. */
  finalMessage(): Promise<Message> {
    // Complete, so that there is one, and nothing changes it any more.
    return quiet(this.done().then(() => this.#message as Message));
  }

  /** The text of the last message, all text blocks together. Rejects as `done` does. */
  finalText(): Promise<string> {
    const textOfMessage = ({ content }: Message): string =>
      content.map((block) => (block.type === 'text' ? block.text : '')).join('');
    return quiet(this.finalMessage().then(textOfMessage));
  }

  /** Stops the answer and the tools that run. What had come of both stays. */
  abort(reason?: unknown): void {
    this.#controller.abort(reason);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ToolRunEvent<Each>, void, undefined> {
    yield* this.#log.read(() => {
      if (this.#log.loops > 0 || this.#isAwaited || this.#ending !== undefined) return;
      this.abort(new DOMException('The loop was left', 'AbortError'));
    });
    this.#throwUnlessComplete();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ending === undefined) this.abort(new DOMException('The run was disposed of', 'AbortError'));
    await this.#running;
  }

  async *#texts(): AsyncGenerator<string, void, undefined> {
    for await (const item of this) {
      // The compiler cannot tell the events apart before it knows the tools.
      const { event } = item as { event?: ClientEvent };
      if (event?.type !== 'content_block_delta' || event.delta.type !== 'text_delta') continue;
      yield event.delta.text;
    }
  }

  #throwUnlessComplete(): void {
    if (this.#ending !== undefined && this.#ending.type !== 'complete') throw this.#ending.error;
  }

  async #run(first: MessageStream): Promise<void> {
    let stream = first;
    try {
      while (this.#ending === undefined) {
        this.#ending = await this.#takeTurn(stream);
        if (this.#ending === undefined) stream = this.#open();
      }
    } catch (error) {
      // Not the stream's, whose failures are endings: a client that cannot even begin one.
      this.#ending = { type: 'failed', error: error as Error, message: this.#message };
    }
    this.#log.end();
  }

  /** The next request: the turn begins. */
  #open(): MessageStream {
    const { params, keepToolChoice } = this.#settings;
    this.#turn += 1;
    const request = { ...params, messages: this.#messages };
    // A choice that demands a call would have the model call for ever.
    if (this.#hasCalled && !keepToolChoice) request.tool_choice = relaxed(params.tool_choice);
    this.#stream = this.#client.messages.stream(request, {
      ...this.#options,
      signal: this.#controller.signal,
    });
    return this.#stream;
  }

  /** One request, and the calls in its answer; how the run ended with it, if it did. */
  async #takeTurn(stream: MessageStream): Promise<ToolRunEnding | undefined> {
    await this.#follow(stream);
    const { ending } = stream;
    this.#attempts.push(...stream.attempts);
    this.#stream = undefined;
    this.#message = stream.currentMessage;
    const inputOf = stream.inputOf.bind(stream);
    if (ending?.type !== 'complete') {
      this.#partial = keepContent({ message: this.#message, isWhole: false, inputOf });
      return ending;
    }
    const { message } = ending;
    this.#emit({ type: 'turn_end', turn: this.#turn, message });
    return this.#goOn({ message, isWhole: true, inputOf });
  }

  async #follow(stream: MessageStream): Promise<void> {
    const turn = this.#turn;
    const inputs = new ToolInputs(stream);
    this.#emit({ type: 'turn_start', turn });
    try {
      for await (const event of stream) {
        this.#emit({ type: 'stream_event', turn, event });
        const piece = inputs.take(event);
        if (piece !== undefined) this.#emit({ type: 'tool_input', turn, ...piece });
      }
    } catch {
      // The stream's ending tells it.
    }
  }

  /** Runs what a whole answer calls, and adds both to the history. */
  async #goOn(answer: WholeAnswer): Promise<ToolRunEnding | undefined> {
    const { message } = answer;
    const calls = writtenCalls(answer);
    this.#pauses = message.stop_reason === 'pause_turn' ? this.#pauses + 1 : 0;
    const limits = { ...this.#settings, turn: this.#turn, pauses: this.#pauses };
    const ended = endingOf(message, calls.length > 0, limits);
    if (ended !== undefined) {
      this.#addLast(answer);
      return ended;
    }
    this.#hasCalled ||= calls.length > 0;
    const results = await this.#runCalls(calls);
    this.#add('assistant', keepContent(answer));
    this.#add('user', results);
    const { aborted, reason } = this.#controller.signal as { aborted: boolean; reason: unknown };
    const soFar = { message, usage: this.usage, request_id: this.attempts.at(-1)?.request_id };
    if (aborted) return { type: 'aborted', error: reason, ...soFar };
    return this.#turn >= limits.maxTurns ? unfinished('max_turns', message) : undefined;
  }

  #runCalls(calls: readonly WrittenCall[]): Promise<ContentParam[]> {
    const { signal } = this.#controller;
    const onEvent = (event: ToolRunEvent): void => this.#emit(event);
    return runCalls(calls, { ...this.#settings, turn: this.#turn, signal, onEvent });
  }

  /** An answer that the run ends with. Its calls, if it has any, are answered and not run. */
  #addLast(answer: WholeAnswer): void {
    const { message } = answer;
    // The API would refuse what is asked next to a refused turn.
    if (message.stop_reason === 'refusal') return;
    const content = keepContent({ ...answer, isWhole: errorOfStopReason(message) === undefined });
    this.#add('assistant', content);
    this.#add('user', content.flatMap(toUnrun));
  }

  /** A message without content would be refused. */
  #add(role: MessageParam['role'], content: readonly ContentParam[]): void {
    if (content.length > 0) this.#messages = [...this.#messages, { role, content }];
  }

  #emit(event: ToolRunEvent): void {
    this.#log.push(event as ToolRunEvent<Each>);
  }
}

type WholeAnswer = AnswerSoFar & { readonly message: DeepReadonly<Message> };

function toUnrun(block: ContentParam): ContentParam[] {
  if (block.type !== 'tool_use') return [];
  return [toToolFailure((block as ToolUseBlock).id, 'The tool was not run: the answer was cut off')];
}

/** Leaves the model the choice. */
function relaxed(choice: object | undefined): object | undefined {
  const { type, name: _, ...rest } = (choice ?? {}) as { type?: string; name?: string };
  return type === 'any' || type === 'tool' ? { ...rest, type: 'auto' } : choice;
}
