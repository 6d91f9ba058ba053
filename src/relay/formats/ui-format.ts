// The AI SDK's UI message stream: for `useChat` of ai 6 and 7, and for what stands on it. One answer is one step of one
// message. It resumes by being said again from its beginning, under the same message id.

import { encodeSse, parseStreamEvent, ProtocolError } from '../../protocol/index.ts';
import type { StopReason } from '../../protocol/index.ts';
import { formatEntryId } from '../../storage/index.ts';
import type { EndRecord, EntryId, LogEnding, LogRecord, OpenRecord } from '../../storage/index.ts';
import type { JsonObject } from '../json-object.ts';
import type { Encoder } from '../encoder.ts';
import type { UiChunk, UiVersion } from './ui-chunk.ts';
import { UiParts } from './ui-parts.ts';
import { stepsBefore } from './ui-steps-before.ts';
import { ToolParts } from './ui-tools.ts';

export interface UiFormatOptions {
  /** What the message is called where the answer does not go on with one. */
  readonly streamId: string;
  readonly version: UiVersion;
  /** The reader has nothing of the message, or drops it: steps before are said as well. */
  readonly isReplay: boolean;
}

export function createUiEncoder(options: UiFormatOptions): Encoder {
  const format = new UiFormat(options);
  return {
    needsHistory: true,
    get hasEnded() {
      return format.hasFailed;
    },
    encode: ({ id, record }) => format.encode(record, id),
    ping: () => ': ping\n\n',
    // `useChat` comes back by itself only when its page is opened again: until then it shows an error.
    reconnect: () => undefined,
    waiting: (position) => `: waiting ${position}\n\n`,
    // What stands between `useChat` and the network may know better by the comment, and by that nothing behind it has
    // an id.
    failed: (code, message) =>
      code === 'interrupted'
        ? `: reconnect\n\n${framesOf(format.fail(parted))}`
        : framesOf(format.fail({ type: 'failed', code, message })),
    reset: () => {
      const said = format.reset();
      return said && framesOf(said);
    },
  };
}

const parted = {
  type: 'failed',
  code: 'interrupted',
  message: 'The relay is being replaced, and the answer goes on: open the page again to see the rest',
} as const;

type Failed = Extract<LogEnding, { type: 'failed' }>;

/** Ends the stream, for clients that look for it. */
const done = Symbol('done');
type Said = readonly (UiChunk | typeof done)[];

class UiFormat {
  readonly #options: UiFormatOptions;
  readonly #tools = new ToolParts();
  #parts: UiParts;
  #messageId: string;
  #hasStarted = false;
  #hasStep = false;
  /** What a broken event of the log, or one that would have to be taken back, was answered with: who comes back
   * behind it gets it again at the log's end. */
  #failure: Said | undefined;

  constructor(options: UiFormatOptions) {
    this.#options = options;
    this.#messageId = options.streamId;
    this.#parts = new UiParts(options.version, this.#tools);
  }

  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  encode(record: LogRecord, id: EntryId): string {
    if (this.#failure !== undefined) return record.type === 'end' ? framesOf(this.#failure, id) : '';
    try {
      return framesOf(this.#chunksOf(record), id);
    } catch (error) {
      this.#failure = lastOf({ ending: failureOf(error) }, this.#options.version);
      return framesOf([...this.#begin(), ...this.#closeAfter(error), ...this.#failure], id);
    }
  }

  /** An ending that is not the log's. */
  fail(ending: Failed): Said {
    return [...this.#begin(), ...lastOf({ ending }, this.#options.version)];
  }

  /** The log is another one, and begins anew. Undefined where nothing can be taken back. */
  reset(): Said | undefined {
    if (this.#options.version === 6) return undefined;
    this.#tools.dropStep();
    this.#parts = new UiParts(7, this.#tools);
    this.#failure = undefined;
    return this.#hasStep ? [{ type: 'reset-step' }] : [];
  }

  #chunksOf(record: LogRecord): Said {
    if (record.type === 'open') return this.#open(record);
    if (record.type === 'rewind') return this.#rewind(record.fromIndex);
    if (record.type === 'end') return this.#end(record);
    if (record.type !== 'event') return [];
    const event = parseStreamEvent(record);
    const chunks = this.#parts.push(event);
    if (event.type !== 'message_start' && chunks.length === 0) return [];
    return [...this.#beginStep(), ...chunks];
  }

  #open({ messageId, request }: OpenRecord): Said {
    if (messageId !== undefined) this.#messageId = messageId;
    const { isReplay, version } = this.#options;
    const isWanted = !this.#hasStarted && isReplay && messageId !== undefined;
    const before = isWanted ? stepsBefore(request, { version, tools: this.#tools }) : [];
    return [...this.#begin(), ...before];
  }

  /** What is open for the client, as far as that is sure: an event that was found out too late has left its traces. */
  #closeAfter(error: unknown): Said {
    const isSure =
      error instanceof Withdrawn || (error instanceof ProtocolError && error.code !== 'unexpected_event');
    return isSure ? this.#parts.close({ isWhole: false }).filter(isWritable) : [];
  }

  #begin(): Said {
    if (this.#hasStarted) return [];
    this.#hasStarted = true;
    return [{ type: 'start', messageId: this.#messageId }];
  }

  #beginStep(): Said {
    if (this.#hasStep) return [];
    this.#hasStep = true;
    const model = this.#parts.message?.model;
    const metadata: Said = model ? [{ type: 'message-metadata', messageMetadata: { model } }] : [];
    return [...this.#begin(), { type: 'start-step' }, ...metadata];
  }

  #rewind(fromIndex: number): Said {
    if (!this.#parts.hasBehind(fromIndex)) return [];
    if (this.#options.version === 6) throw new Withdrawn();
    const standing = this.#parts.rewind(fromIndex);
    return this.#hasStep ? [{ type: 'reset-step' }, ...standing] : [];
  }

  #end(record: EndRecord): Said {
    const { ending } = record;
    const messageMetadata = this.#metadata(record);
    const isWhole = ending.type === 'complete';
    const begun = isWhole ? this.#beginStep() : this.#begin();
    const parts = [...begun, ...this.#parts.close({ isWhole })];
    if (!isWhole) return [...parts, ...lastOf(messageMetadata, this.#options.version)];
    const finishReason = finishReasonOf(this.#parts.message?.stop_reason);
    return [...parts, { type: 'finish-step' }, { type: 'finish', finishReason, messageMetadata }, done];
  }

  /** What a page may want to know of the whole answer, in the words of the Messages API and of the log. */
  #metadata({ ending, usage }: EndRecord): MessageMetadata {
    const { model, stop_reason, stop_sequence, stop_details, usage: told } = this.#parts.message ?? {};
    return {
      ...(model ? { model } : {}),
      ...(stop_reason == null ? {} : { stop_reason }),
      ...(stop_sequence == null ? {} : { stop_sequence }),
      ...(stop_details == null ? {} : { stop_details }),
      ...((usage ?? told) === undefined ? {} : { usage: usage ?? told }),
      ending,
    };
  }
}

interface MessageMetadata extends JsonObject {
  readonly ending: LogEnding;
}

/** How an answer ends that is not whole. */
function lastOf(messageMetadata: MessageMetadata, version: UiVersion): Said {
  const { ending } = messageMetadata;
  const last: UiChunk =
    ending.type === 'failed'
      ? { type: 'error', errorText: ending.message }
      : { type: 'abort', reason: 'The answer was stopped' };
  // A page that goes on by itself when all calls have results must not do so here.
  const finish: Said = version === 7 ? [{ type: 'finish', finishReason: 'interrupted' }] : [];
  return [{ type: 'message-metadata', messageMetadata }, ...finish, last, done];
}

class Withdrawn extends Error {}

const finishReasons = new Map<StopReason, string>([
  ['end_turn', 'stop'],
  ['stop_sequence', 'stop'],
  ['max_tokens', 'length'],
  ['model_context_window_exceeded', 'length'],
  ['tool_use', 'tool-calls'],
  ['refusal', 'content-filter'],
]);

/** In the AI SDK's words. */
function finishReasonOf(reason: StopReason | null | undefined): string {
  return finishReasons.get(reason ?? '') ?? 'other';
}

function failureOf(error: unknown): Failed {
  if (error instanceof Withdrawn)
    return {
      type: 'failed',
      code: 'rewound',
      message: 'The answer broke off, and a part of it that was sent already is written anew: ask again',
    };
  if (error instanceof ProtocolError) return { type: 'failed', code: error.code, message: error.message };
  return { type: 'failed', code: 'invalid_event', message: 'The data of an event cannot be read' };
}

/** Legal JSON can be nested deeper than JSON.stringify can follow. */
function isWritable(chunk: UiChunk): boolean {
  try {
    return framesOf([chunk]) !== '';
  } catch {
    return false;
  }
}

/** The id stands in the last frame of its entry: who has it has them all. */
function framesOf(said: Said, id?: EntryId): string {
  return said
    .map((chunk, index) =>
      encodeSse({
        id: id !== undefined && index === said.length - 1 ? formatEntryId(id) : undefined,
        data: chunk === done ? '[DONE]' : JSON.stringify(chunk),
      }),
    )
    .join('');
}
