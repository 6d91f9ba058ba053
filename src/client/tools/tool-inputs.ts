// The inputs of a turn's calls while they are written.

import type { ContentBlock, DeepReadonly, PartialJson, ToolUseBlock } from '../../protocol/index.ts';
import type { ClientEvent } from '../answer.ts';
import type { MessageStream } from '../message-stream.ts';

export interface InputPiece {
  readonly id: string;
  readonly name: string;
  readonly delta: string;
  readonly input: PartialJson;
}

export class ToolInputs {
  readonly #stream: MessageStream;
  /** The call that each index stands for. */
  readonly #calls = new Map<number, DeepReadonly<ToolUseBlock>>();

  constructor(stream: MessageStream) {
    this.#stream = stream;
  }

  /** The piece of input that an event holds, if it does; every event of the stream has to pass here. */
  take(event: ClientEvent): InputPiece | undefined {
    if (event.type === 'content_block_start') this.#start(event.index, event.content_block);
    if (event.type === 'recover') {
      for (const index of this.#calls.keys()) if (index >= event.from_index) this.#calls.delete(index);
    }
    if (event.type !== 'content_block_delta' || event.delta.type !== 'input_json_delta') return undefined;
    const call = this.#calls.get(event.index);
    const input = call === undefined ? undefined : this.#stream.inputOf(call);
    if (call === undefined || input === undefined) return undefined;
    return { id: call.id, name: call.name, delta: event.delta.partial_json, input };
  }

  #start(index: number, begun: ContentBlock): void {
    if (begun.type !== 'tool_use') return;
    const content: readonly DeepReadonly<ContentBlock>[] = this.#stream.currentMessage?.content ?? [];
    const call = content.findLast((block) => block.type === 'tool_use' && block.id === begun.id);
    if (call?.type === 'tool_use') this.#calls.set(index, call);
  }
}
