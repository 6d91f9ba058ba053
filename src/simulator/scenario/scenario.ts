// A scenario as it is written, in a program or a file. docs/scenarios.md says what each field means to users.

import type { ApiErrorType, StopReason, Usage } from '../../protocol/index.ts';
import type { FaultInput } from '../faults/fault.ts';

export interface Scenario {
  /** What a request gets that no rule answers: an error that says why, the default, or the built-in answer. */
  otherwise?: 'error' | 'builtin';
  /** Tried in this order for each request; the first that fits and has a reply left answers it. */
  rules: readonly ScenarioRule[];
}

/** One of `reply`, `replies` and `faults` at least; without a reply it is the built-in answer that fails. */
export interface ScenarioRule {
  /** What errors and `requests[n].rule` call it. */
  name?: string;
  /** Which requests it is for; all when left out. */
  when?: When;
  /** The same for every request, or for so many as `times` says. */
  reply?: ScriptedReply;
  /** One for each request, in order; then the rule fits no more. */
  replies?: readonly ScriptedReply[];
  times?: number;
  /** What goes wrong with its answers: a fault plan as everywhere else. */
  faults?: FaultInput;
}

/** All that is given has to fit. It is the request alone that is looked at, never what was asked before it. */
export interface When {
  /** The name asked for, or the id it stands for. */
  model?: TextMatch;
  /** The last text of the last user turn; a turn of tool results alone has none. */
  user?: TextMatch;
  /** The last text of the first user turn: which conversation it is. */
  opening?: TextMatch;
  system?: TextMatch;
  /** Whether the last user turn holds tool results, or one of the tool named, or one that is like this. */
  toolResult?: boolean | string | ToolResultMatch;
  /** The name of a tool among those offered. */
  offers?: string;
  /** 1 for the first answer of a conversation, 2 for one with one assistant turn before it, and so on. */
  turn?: number;
  stream?: boolean;
  headers?: Readonly<Record<string, TextMatch>>;
}

export interface ToolResultMatch {
  tool?: string;
  content?: TextMatch;
  isError?: boolean;
}

/** A string is the whole text; a boolean asks whether there is any text. */
export type TextMatch = string | boolean | RegExp | TextTest;

/** All that is given has to hold. */
export interface TextTest {
  is?: string;
  contains?: string;
  /** A regular expression, with its flags. */
  matches?: string;
  flags?: string;
}

/** A text, or one of the objects. */
export type ScriptedReply = string | MessageReply | AnswerReply | ErrorReply | RecordingReply;

interface Timing {
  /** The time until the first byte, whatever `speed` is. */
  delayMs?: number;
  /** The time between two deltas, whatever `speed` is. */
  gapMs?: number;
}

/** A message. What is left out is as in any answer. */
export interface MessageReply extends Timing {
  /** A text, or blocks in the wire's own spelling; a string among them is a text block. */
  content: string | readonly (string | ScriptedBlock)[];
  id?: string;
  type?: 'message';
  role?: 'assistant';
  model?: string;
  /** Not for an answer that `max_tokens` or a stop sequence cut. */
  stop_reason?: StopReason;
  stop_sequence?: string | null;
  stop_details?: object | null;
  container?: object | null;
  usage?: Partial<Usage>;
}

/** A tool call without an id gets one. */
export type ScriptedBlock = { readonly type: string } & Readonly<Record<string, unknown>>;

/** The built-in answer to this prompt. */
export interface AnswerReply extends Timing {
  answer: string;
}

/** An error of the API in place of an answer. */
export interface ErrorReply {
  status: number;
  type?: ApiErrorType;
  message?: string;
  /** Seconds, or a date as HTTP writes it. */
  retryAfter?: number | string;
  delayMs?: number;
}

/** The bytes of a recorded stream, or the path of a file with them. */
export interface RecordingReply extends Timing {
  recording: Uint8Array | string;
}
