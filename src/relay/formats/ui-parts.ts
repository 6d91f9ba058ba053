// One step of a UI message: stream events in, parts out. What a block needs to go back to the API unchanged travels
// in its parts' metadata.

import { MessageAccumulator } from '../../protocol/index.ts';
import type { ContentBlock, ContentBlockDelta, DeepReadonly, Message } from '../../protocol/index.ts';
import type { StreamEvent } from '../../protocol/index.ts';
import { isJsonObject } from '../json-object.ts';
import type { JsonObject } from '../json-object.ts';
import { withMetadata } from './ui-chunk.ts';
import type { UiChunk, UiVersion } from './ui-chunk.ts';
import { UiSources } from './ui-sources.ts';
import { isToolResult, toolCallOf } from './ui-tools.ts';
import type { ToolParts } from './ui-tools.ts';

/** What has begun and not ended. */
interface OpenPart {
  readonly kind: 'text' | 'reasoning' | 'tool' | 'other';
  /** Of the part; of a tool that of its call. */
  readonly id: string;
  /** As it grows. */
  readonly block: DeepReadonly<ContentBlock>;
}

export class UiParts {
  readonly #version: UiVersion;
  readonly #tools: ToolParts;
  #accumulator = new MessageAccumulator();
  #sources = new UiSources();
  /** By the index of the block. */
  readonly #open = new Map<number, OpenPart>();
  #partCount = 0;

  /** `tools` knows the calls of the whole message, also those of steps before. */
  constructor(version: UiVersion, tools: ToolParts) {
    this.#version = version;
    this.#tools = tools;
  }

  get message(): DeepReadonly<Message> | undefined {
    return this.#accumulator.message;
  }

  /** Throws the error of an event that makes no sense where it stands. */
  push(event: StreamEvent): UiChunk[] {
    this.#accumulator.push(event);
    const { ending } = this.#accumulator;
    // The error that upstream says is the log's own ending, which follows.
    if (ending?.type === 'failed' && event.type !== 'error') throw ending.error;
    switch (event.type) {
      case 'message_start':
        return listOf((event as { message: Message }).message.content).flatMap((_, index) =>
          this.#start(index).concat(this.#stop(index)),
        );
      case 'content_block_start':
        return this.#start((event as { index: number }).index);
      case 'content_block_delta': {
        const { index, delta } = event as { index: number; delta: ContentBlockDelta };
        return this.#delta(index, delta);
      }
      case 'content_block_stop':
        return this.#stop((event as { index: number }).index);
      default:
        return [];
    }
  }

  /** Whether there are more blocks than these. */
  hasBehind(count: number): boolean {
    return (this.message?.content.length ?? 0) > count;
  }

  /** Drops all blocks but the first `count`. What stands is said again in full, for a reader who drops the step. */
  rewind(count: number): UiChunk[] {
    const { message } = this;
    if (message === undefined) return [];
    this.#accumulator.rewind(count);
    const standing = message.content;
    const isLastOpen = this.#accumulator.blockAt(count - 1) !== undefined && this.#open.has(count - 1);
    this.#accumulator = new MessageAccumulator();
    this.#sources = new UiSources();
    this.#open.clear();
    this.#tools.dropStep();
    this.#accumulator.push({ type: 'message_start', message: { ...message, content: [] } as Message });
    return standing.flatMap((block, index) =>
      this.replay(block, { index, isOpen: isLastOpen && index === count - 1 }),
    );
  }

  /** A block that is there already, as parts. */
  replay(
    block: DeepReadonly<ContentBlock>,
    { index, isOpen = false }: { index: number; isOpen?: boolean },
  ): UiChunk[] {
    const start = this.push({
      type: 'content_block_start',
      index,
      content_block: block as ContentBlock,
    });
    return isOpen ? start : [...start, ...this.push({ type: 'content_block_stop', index })];
  }

  /** Ends what is open. Of an answer that breaks off, a call that is not whole stays open: nobody may carry it
   * out. */
  close({ isWhole }: { isWhole: boolean }): UiChunk[] {
    return [...this.#open].flatMap(([index, { kind }]) =>
      isWhole || kind === 'text' || kind === 'reasoning' ? this.#stop(index) : [],
    );
  }

  #start(index: number): UiChunk[] {
    // A gateway may begin another block at an index without ending the one before.
    const before = this.#stop(index);
    const block = this.#accumulator.blockAt(index);
    return block === undefined ? before : [...before, ...this.#startBlock(index, block)];
  }

  #startBlock(index: number, block: DeepReadonly<ContentBlock>): UiChunk[] {
    const fields = block as JsonObject;
    if (block.type === 'text') return this.#startText(index, fields);
    if (block.type === 'thinking' || block.type === 'redacted_thinking') {
      return [...this.#startPart(index, 'reasoning'), ...this.#say(index, fields['thinking'])];
    }
    const call = toolCallOf(fields);
    if (call !== undefined) {
      this.#open.set(index, { kind: 'tool', id: call.toolCallId, block });
      return [this.#tools.start(call)];
    }
    if (isToolResult(fields)) return this.#tools.result(fields);
    this.#open.set(index, { kind: 'other', id: '', block });
    return [];
  }

  #startText(index: number, { text, citations }: JsonObject): UiChunk[] {
    const started = [...this.#startPart(index, 'text'), ...this.#say(index, text)];
    const cited = listOf(citations).flatMap((citation) => this.#cite(citation));
    return [...started, ...cited];
  }

  #startPart(index: number, kind: 'text' | 'reasoning'): UiChunk[] {
    const block = this.#accumulator.blockAt(index);
    if (block === undefined) return [];
    const id = this.#nextId();
    this.#open.set(index, { kind, id, block });
    return [{ type: `${kind}-start`, id }];
  }

  #delta(index: number, delta: ContentBlockDelta): UiChunk[] {
    // Text that goes on behind the end of its block, or without any beginning.
    const kind = kindOfDelta.get(delta.type);
    const begun = this.#open.get(index);
    const started =
      kind === undefined || kind === begun?.kind
        ? []
        : [...this.#stop(index), ...this.#startPart(index, kind)];
    return [...started, ...this.#piece(index, delta as JsonObject)];
  }

  #piece(index: number, delta: JsonObject): UiChunk[] {
    const id = this.#open.get(index)?.id;
    if (delta['type'] === 'text_delta') return this.#say(index, delta['text']);
    if (delta['type'] === 'thinking_delta') return this.#say(index, delta['thinking']);
    if (delta['type'] === 'citations_delta') return this.#cite(delta['citation']);
    const piece = delta['partial_json'];
    if (delta['type'] !== 'input_json_delta' || this.#open.get(index)?.kind !== 'tool' || piece === '')
      return [];
    return [{ type: 'tool-input-delta', toolCallId: id, inputTextDelta: piece }];
  }

  #say(index: number, text: unknown): UiChunk[] {
    const part = this.#open.get(index);
    if (part === undefined || typeof text !== 'string' || text === '') return [];
    return [{ type: `${part.kind}-delta`, id: part.id, delta: text }];
  }

  #cite(citation: unknown): UiChunk[] {
    const source = isJsonObject(citation) ? this.#sources.take(citation) : undefined;
    return source === undefined ? [] : [source];
  }

  #stop(index: number): UiChunk[] {
    const part = this.#open.get(index);
    if (part === undefined) return [];
    this.#open.delete(index);
    const { kind, id, block } = part;
    const fields = block as JsonObject;
    if (kind === 'text') return [this.#endOfText(id, fields)];
    if (kind === 'reasoning') return [{ type: 'reasoning-end', id, ...metadataOfThinking(fields) }];
    if (kind === 'other') return [{ type: 'data-block', data: block }];
    return this.#tools.whole(fields, this.#accumulator.inputOf(block));
  }

  #endOfText(id: string, { text, citations }: JsonObject): UiChunk {
    const cited = listOf(citations).filter(isJsonObject);
    if (cited.length === 0) return { type: 'text-end', id };
    const end = { type: 'text-end', id, ...withMetadata({ anthropic: { citations: cited } }) };
    if (this.#version === 6) return end;
    return { ...end, citations: this.#sources.citationsOf(cited, typeof text === 'string' ? text : '') };
  }

  /** Never the same twice in a step: a rewind drops parts, and a client forgets no name. */
  #nextId(): string {
    this.#partCount += 1;
    return String(this.#partCount);
  }
}

const kindOfDelta = new Map<string, 'text' | 'reasoning'>([
  ['text_delta', 'text'],
  ['citations_delta', 'text'],
  ['thinking_delta', 'reasoning'],
  ['signature_delta', 'reasoning'],
]);

function metadataOfThinking({ signature, data }: JsonObject): JsonObject {
  const anthropic = {
    ...(typeof signature === 'string' && signature !== '' ? { signature } : {}),
    ...(typeof data === 'string' ? { redactedData: data } : {}),
  };
  return Object.keys(anthropic).length === 0 ? {} : withMetadata({ anthropic });
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
