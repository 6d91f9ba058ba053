// An answer that is JSON of a known shape: the growing object while it streams, the checked one at its end.

import { PartialJson } from '../protocol/index.ts';
import type { DeepReadonly, Message } from '../protocol/index.ts';
import type { ClientEvent } from './answer.ts';
import type { StreamEnding } from './stream-ending.ts';
import { AnswerError, errorOfStopReason } from './answer-error.ts';
import type { MessageStream } from './message-stream.ts';
import { quiet } from './quiet.ts';
import type { SchemaIssue } from './schema/standard-schema.ts';
import { checkValue, describeIssues } from './schema/value-schema.ts';
import type { Checked, DeepPartial, ValueSchema } from './schema/value-schema.ts';

type PartialObject<Input> = DeepReadonly<DeepPartial<Input>>;

/**
 * How it ended. All but `complete` carry the error that says why, and what there is of the object. `unfinished`: the
 * stream was whole, and the answer is cut off (`max_tokens`, `model_context_window_exceeded`), a refusal, or not
 * what the schema describes (`invalid_output`, with the issues). The others are those of the stream.
 */
export type ObjectEnding<Output, Input> =
  | { readonly type: 'complete'; readonly object: Output; readonly message: DeepReadonly<Message> }
  | ({ readonly partialObject: PartialObject<Input> | undefined } & (
      | { readonly type: 'unfinished'; readonly error: AnswerError; readonly message: DeepReadonly<Message> }
      | Exclude<StreamEnding, { type: 'complete' }>
    ));

/** What {@link streamObject} returns. */
export class ObjectStream<Output, Input = Output> implements AsyncDisposable {
  /** The answer itself, with all that can be asked of it: events, usage, `abort()`. */
  readonly stream: MessageStream;
  readonly #schema: ValueSchema;
  #ending: ObjectEnding<Output, Input> | undefined;
  #settling: Promise<ObjectEnding<Output, Input>> | undefined;

  constructor(stream: MessageStream, schema: ValueSchema) {
    this.stream = stream;
    this.#schema = schema;
  }

  /** How it ended, once a loop or `finalObject` has come to the end; undefined before. */
  get ending(): ObjectEnding<Output, Input> | undefined {
    return this.#ending;
  }

  /**
   * The object as far as it has come, whenever it has grown: one live, read-only view, so that a long object costs
   * no more than a short one; a copy is the reader's own to make. Nothing in it is checked yet. Strings grow, numbers
   * come when they are whole. Should the answer begin anew, so does the object. Throws at every ending but
   * `complete`.
   */
  get partialObjectStream(): AsyncIterable<PartialObject<Input>> {
    return this.#partials();
  }

  /**
   * The object as the schema makes it. Rejects with AnswerError when the answer is cut off, a refusal, or not what
   * the schema describes; and as the stream does.
   */
  finalObject(): Promise<Output> {
    const checked = this.#settle().then((ending) => {
      if (ending.type === 'complete') return ending.object;
      throw ending.error;
    });
    return quiet(checked);
  }

  /** Stops the answer. */
  abort(reason?: unknown): void {
    this.stream.abort(reason);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stream[Symbol.asyncDispose]();
  }

  async *#partials(): AsyncGenerator<PartialObject<Input>, void, undefined> {
    const reader = new ObjectReader();
    try {
      for await (const event of this.stream) {
        if (reader.take(event)) yield reader.json.value as PartialObject<Input>;
      }
    } catch {
      // The ending tells it, and with the object so far.
    }
    await this.finalObject();
  }

  #settle(): Promise<ObjectEnding<Output, Input>> {
    this.#settling ??= this.#end().then((ending) => {
      this.#ending = ending;
      return ending;
    });
    return this.#settling;
  }

  async #end(): Promise<ObjectEnding<Output, Input>> {
    await this.stream.done().catch(() => undefined);
    const ending = this.stream.ending as StreamEnding;
    const text = textOf(ending.message);
    const json = new PartialJson();
    json.push(text);
    const partialObject = json.value as PartialObject<Input> | undefined;
    if (ending.type !== 'complete') return { ...ending, partialObject };
    const { message } = ending;
    const error = errorOfStopReason(message);
    if (error !== undefined) return { type: 'unfinished', error, message, partialObject };
    const checked = await this.#check(json);
    if (!('error' in checked)) return { type: 'complete', object: checked.value as Output, message };

    const invalid = new AnswerError('invalid_output', message, checked.error);
    return { type: 'unfinished', error: invalid, message, partialObject };
  }

  async #check(json: PartialJson): Promise<{ value: unknown } | { error: Flaw }> {
    if (json.text.trim() === '') return { error: { detail: 'it has no text' } };
    if (!json.complete) {
      const detail = json.error?.message ?? 'its JSON is not complete';
      return { error: { detail, cause: json.error } };
    }
    try {
      const checked: Checked<unknown> = await checkValue(this.#schema, JSON.parse(json.text));
      if ('value' in checked) return checked;
      return { error: { detail: describeIssues(checked.issues), issues: checked.issues } };
    } catch (cause) {
      return { error: { detail: 'the schema could not check it', cause } };
    }
  }
}

/** What is wrong with an object. */
interface Flaw {
  readonly detail: string;
  readonly issues?: readonly SchemaIssue[];
  readonly cause?: unknown;
}

/** The JSON of an answer while it comes: that of the text block that began last. */
class ObjectReader {
  json = new PartialJson();
  #index = -1;

  /** Whether the object has grown. */
  take(event: ClientEvent): boolean {
    if (event.type === 'recover' && this.#index >= event.from_index) this.#begin(-1);
    if (event.type !== 'content_block_delta' || event.delta.type !== 'text_delta') return false;
    if (event.index !== this.#index) this.#begin(event.index);
    if (event.delta.text === '') return false;
    this.json.push(event.delta.text);
    return this.json.value !== undefined;
  }

  #begin(index: number): void {
    this.#index = index;
    this.json = new PartialJson();
  }
}

function textOf(message: DeepReadonly<Message> | undefined): string {
  const content: DeepReadonly<Message>['content'] = message?.content ?? [];
  const last = content.findLast((block) => block.type === 'text' && block.text.trim() !== '');
  return last?.type === 'text' ? last.text : '';
}
