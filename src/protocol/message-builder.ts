// Stream events to the message they add up to. Holds no clock and does no I/O; throws nothing: whatever the
// stream did, what had arrived is there, and `ending` says how it ended.

import { errorOfEvent, ProtocolError } from './errors.ts';
import type { ApiError } from './errors.ts';
import { FlatText } from './flat-text.ts';
import type { ContentBlock, DeepReadonly, Message } from './message.ts';
import { copyJson, setOwn } from './own-properties.ts';
import type { ContentBlockDelta, ContentBlockDeltaEvent } from './stream-event.ts';
import type { ContentBlockStartEvent, MessageDeltaEvent, StreamEvent } from './stream-event.ts';
import type { ToolInput } from './tool-input.ts';

/**
 * How a stream ended, with what had arrived by then (undefined when not even the message had begun).
 * `complete` is said only after `message_stop`.
 */
export type Ending =
  | { readonly type: 'complete'; readonly message: DeepReadonly<Message> }
  | { readonly type: 'truncated'; readonly message: DeepReadonly<Message> | undefined }
  | {
      readonly type: 'failed';
      readonly error: ApiError | ProtocolError;
      readonly message: DeepReadonly<Message> | undefined;
    };

/** A hundred blocks in the worst order make 5,000 moves; this many take a few hundred milliseconds. */
const maxMoved = 5_000_000;

/** A block as it grows. */
interface OpenBlock<Input> {
  readonly block: Record<string, unknown>;
  /** What the block is built from; undefined for a type that takes any delta. */
  readonly kind: string | undefined;
  /** The field that deltas append to, and its text. */
  readonly texts: Map<string, FlatText>;
  /** The tool input; undefined until its first piece that is not empty. */
  input: Input | undefined;
}

/**
 * Accumulates the events of one stream, as {@link MessageAccumulator} does; what reads tool inputs is handed in. With
 * {@link WholeJson} a block has its input when it has ended.
 */
export class MessageBuilder<Input extends ToolInput> {
  readonly #createInput: () => Input;
  #message: Message | undefined;
  #hasStarted = false;
  #ending: Ending | undefined;
  /** The block each index stands for now. */
  readonly #blocks = new Map<number, OpenBlock<Input>>();
  /** The index of each block in `message.content`, ascending. */
  readonly #indexes: number[] = [];
  /** How many places blocks were moved by others that came late. */
  #moved = 0;
  readonly #inputs = new WeakMap<object, Input>();

  constructor(createInput: () => Input) {
    this.#createInput = createInput;
  }

  /** What has arrived so far; undefined before the first event that carries any of it. */
  get message(): DeepReadonly<Message> | undefined {
    return this.#message;
  }

  /** How the stream ended; undefined while it goes on. */
  get ending(): Ending | undefined {
    return this.#ending;
  }

  /** The text and state of a tool block's input; undefined when none has arrived for `block`. */
  inputOf(block: DeepReadonly<ContentBlock>): Input | undefined {
    return this.#inputs.get(block);
  }

  /** The block that `index` of the wire stands for now. */
  blockAt(index: number): DeepReadonly<ContentBlock> | undefined {
    return this.#blocks.get(index)?.block as DeepReadonly<ContentBlock> | undefined;
  }

  /** Drops all blocks but the first `count`, for an answer that is written anew from there; the index of the next
   * block is returned. */
  rewind(count: number): number {
    this.#message?.content.splice(count);
    for (const index of this.#indexes.splice(count)) this.#blocks.delete(index);
    return (this.#indexes.at(-1) ?? -1) + 1;
  }

  /** Takes the next event. */
  push(event: StreamEvent): void {
    if (this.#ending !== undefined) return;
    switch (event.type) {
      case 'content_block_delta':
        return this.#addDelta(event);
      case 'content_block_start':
        return this.#startBlock(event);
      case 'message_start':
        return this.#start(event.message);
      case 'message_delta':
        return this.#changeMessage(event);
      case 'message_stop':
        return this.#stop();
      case 'error':
        return this.fail(errorOfEvent(event));
      case 'content_block_stop':
        return settle(this.#blocks.get(event.index));
      case 'ping':
      case '[DONE]':
      default: // An event of a type not known here means nothing to the message.
    }
  }

  /** Says that no more events will come: without `message_stop` that is a truncation, not an end. */
  end(): void {
    this.#ending ??= { type: 'truncated', message: this.message };
  }

  /** Ends the stream as failed, with an error found here or by the decoder. After an ending it changes nothing. */
  fail(error: ApiError | ProtocolError): void {
    if (this.#ending !== undefined) return;
    error.partial = this.message;
    this.#ending = { type: 'failed', error, message: this.message };
  }

  #start(message: Message): void {
    if (this.#hasStarted) return this.#unexpected('a second message_start');
    this.#hasStarted = true;
    const copy = copyJson(message);
    const content = copy.content ?? [];
    // Blocks that came before it, from a stream joined in the middle, stay.
    copy.content = this.#message?.content ?? [];
    copy.usage ??= { input_tokens: 0, output_tokens: 0 };
    this.#message = copy;
    for (const [index, block] of content.entries()) this.#place(index, block);
  }

  #startBlock({ index, content_block }: ContentBlockStartEvent): void {
    const block = copyJson(content_block);
    this.#place(index, block);
    // From a fallback on the other model answers.
    if (block.type !== 'fallback') return;
    const { model } = (block.to ?? {}) as { model?: unknown };
    if (typeof model === 'string') this.#shell().model = model;
  }

  #place(index: number, block: ContentBlock): OpenBlock<Input> {
    const open: OpenBlock<Input> = {
      block: block as Record<string, unknown>,
      kind: kindOf.get(block.type),
      texts: new Map(),
      input: undefined,
    };
    this.#blocks.set(index, open);
    let position = this.#indexes.length;
    while (position > 0 && (this.#indexes[position - 1] ?? 0) > index) position -= 1;
    // Blocks out of order are rare and few; a stream of nothing else would cost the square of its length.
    this.#moved += this.#indexes.length - position;
    if (this.#moved > maxMoved) this.#unexpected('blocks in disorder');
    this.#indexes.splice(position, 0, index);
    this.#shell().content.splice(position, 0, block);
    return open;
  }

  #addDelta({ index, delta }: ContentBlockDeltaEvent): void {
    const begun = this.#blocks.get(index);
    const open = begun !== undefined && fits(begun, delta) ? begun : this.#startImplicitBlock(index, delta);
    if (open === undefined) return;
    switch (delta.type) {
      case 'text_delta':
        return appendText(open, 'text', delta.text);
      case 'thinking_delta':
        return appendText(open, 'thinking', delta.thinking);
      case 'input_json_delta':
        return this.#addInput(open, delta.partial_json);
      case 'signature_delta':
        open.block['signature'] = delta.signature;
        return;
      case 'citations_delta':
        return appendItem(open.block, 'citations', copyJson(delta.citation));
      case 'compaction_delta': {
        const { type: _, ...fields } = delta;
        for (const [field, value] of Object.entries(fields)) setOwn(open.block, field, copyJson(value));
        return;
      }
      default: // A delta of a type not known here means nothing to the block.
    }
  }

  /** Gateways are known to leave out content_block_start, or to give two blocks one index; only what a tool is
   * called cannot be made up. */
  #startImplicitBlock(index: number, { type }: ContentBlockDelta): OpenBlock<Input> | undefined {
    const kind = kindOf.get(type);
    if (kind === 'text') return this.#place(index, { type: kind, text: '' });
    if (kind === 'thinking') return this.#place(index, { type: kind, thinking: '', signature: '' });
    if (kind === 'input') this.#unexpected(`tool input for block ${index}`);
    return undefined;
  }

  #addInput(open: OpenBlock<Input>, text: string): void {
    // A tool without arguments has no text at all: its input stays the `{}` it began with.
    if (text === '') return;
    if (open.input === undefined) {
      open.input = this.#createInput();
      this.#inputs.set(open.block, open.input);
    }
    open.input.push(text);
    showInput(open);
  }

  #changeMessage(event: MessageDeltaEvent): void {
    const message = this.#shell();
    overwrite(message, event.delta, ownFields);
    overwrite(message.usage, event.usage ?? {});
    overwrite(message, event, ownFields);
  }

  #stop(): void {
    const { message } = this;
    if (!this.#hasStarted || message === undefined)
      return this.#unexpected('message_stop without message_start');
    // A gateway may leave out the ends of blocks.
    for (const open of this.#blocks.values()) settle(open);
    this.#ending = { type: 'complete', message };
  }

  #unexpected(what: string): void {
    this.fail(new ProtocolError('unexpected_event', `Cannot accumulate ${what}`));
  }

  /** The message, or an empty one for a stream joined in the middle: it can hold text, and never completes. */
  #shell(): Message {
    this.#message ??= {
      id: '',
      type: 'message',
      role: 'assistant',
      model: '',
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: { input_tokens: 0, output_tokens: 0 },
    };
    return this.#message;
  }
}

function appendText({ block, texts }: OpenBlock<unknown>, field: string, piece: string): void {
  let text = texts.get(field);
  if (text === undefined) {
    text = new FlatText();
    const begun = block[field];
    if (typeof begun === 'string') text.append(begun);
    texts.set(field, text);
  }
  block[field] = text.append(piece);
}

function appendItem(block: Record<string, unknown>, field: string, item: unknown): void {
  const list = block[field];
  if (Array.isArray(list)) list.push(item);
  else block[field] = [item];
}

/** What a message_delta never says of the message: its frame's own fields, and what other events build up. */
const ownFields: ReadonlySet<string> = new Set(['type', 'delta', 'usage', 'content', 'role', 'id']);

/** Copies every field that has a value; null and undefined keep what is there, and are set where nothing is. */
function overwrite(target: object, fields: object, except?: ReadonlySet<string>): void {
  for (const [field, value] of Object.entries(fields)) {
    if (except?.has(field) === true || (value == null && Object.hasOwn(target, field))) continue;
    setOwn(target, field, copyJson(value ?? null));
  }
}

/** What each type of block is built from, and what each type of delta builds. Types not listed go with any. */
const kindOf = new Map(
  Object.entries({
    text: ['text', 'text_delta', 'citations_delta'],
    thinking: ['thinking', 'thinking_delta', 'signature_delta'],
    input: ['tool_use', 'server_tool_use', 'mcp_tool_use', 'input_json_delta'],
    compaction: ['compaction', 'compaction_delta'],
  }).flatMap(([kind, types]) => types.map((type) => [type, kind] as const)),
);

/** False when the delta belongs to a block of another type than the one that stands at its index. */
function fits({ kind }: OpenBlock<unknown>, { type }: ContentBlockDelta): boolean {
  return kind === undefined || kind === (kindOf.get(type) ?? kind);
}

function settle(open: OpenBlock<ToolInput> | undefined): void {
  if (open === undefined) return;
  for (const text of open.texts.values()) text.settle();
  open.texts.clear();
  open.input?.end?.();
  showInput(open);
}

function showInput({ block, input }: OpenBlock<ToolInput>): void {
  const container = input?.container;
  if (container !== undefined) block['input'] = container;
}
