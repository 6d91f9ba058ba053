// What a run of tools tells: every event of every turn, and what becomes of each call.

import type { DeepReadonly, Message, PartialJson } from '../../protocol/index.ts';
import type { ClientEvent } from '../answer.ts';
import type { DeepPartial } from '../schema/value-schema.ts';
import type { InputOf, OutputOf, Tool } from './tool.ts';
import type { ToolResultBlock } from './tool-result.ts';

/** A call of a tool that runs here. */
export interface ToolCall<Each extends Tool = Tool> {
  /** The id that the model gave it. */
  readonly id: string;
  readonly name: Each['name'];
  /** What the schema has made of what the model wrote. */
  readonly input: InputOf<Each>;
}

/** An input while it is written: what it says so far, its text, whether it is complete, what is wrong with it. Live
 * and read-only: at least as far as the event that it came with. */
export type PartialInput<Input> = Pick<PartialJson, 'text' | 'complete' | 'error'> & {
  readonly value: DeepReadonly<DeepPartial<Input>> | undefined;
};

interface OfTurn<Type extends string> {
  readonly type: Type;
  /** Counts from 1. */
  readonly turn: number;
}

/** Distributes over the tools, so that a `name` tells the type of an input. */
type ToolInputEvent<Each> = Each extends Tool
  ? OfTurn<'tool_input'> & {
      readonly id: string;
      readonly name: Each['name'];
      /** The piece that came. */
      readonly delta: string;
      readonly input: PartialInput<InputOf<Each>>;
    }
  : never;

type ToolStartEvent<Each> = Each extends Tool ? OfTurn<'tool_start'> & ToolCall<Each> : never;

type ToolResultEvent<Each> = Each extends Tool
  ? OfTurn<'tool_result'> & {
      readonly id: string;
      readonly name: Each['name'];
      /** What the model is told. */
      readonly result: ToolResultBlock;
      readonly isError: boolean;
      /** What the tool returned; undefined when it did not. */
      readonly output: OutputOf<Each> | undefined;
    }
  : never;

/**
 * In order: `turn_start`, then the stream's own events and among them `tool_input`; `turn_end` with the message;
 * then `tool_start` as each call begins and `tool_result` as each ends, in whatever order they do.
 */
export type ToolRunEvent<Each = Tool> =
  | OfTurn<'turn_start'>
  /** An event of the turn's stream; with `recover`, blocks and inputs from its `from_index` on are no more. */
  | (OfTurn<'stream_event'> & { readonly event: ClientEvent })
  | ToolInputEvent<Each>
  | (OfTurn<'turn_end'> & { readonly message: DeepReadonly<Message> })
  | ToolStartEvent<Each>
  | ToolResultEvent<Each>;
