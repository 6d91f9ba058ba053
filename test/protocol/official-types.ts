// Holds the types of the protocol core against those of the official SDK, in both directions, at compile time.
// types.test.ts compiles this file, and compiles it once more with a mistake planted.
//
// Named exceptions, the same everywhere:
// - a field that recorded streams leave out is optional here and required there: `Full` closes that gap;
// - strings listed there are open here, since the server adds values at any time: types with such a field are
//   held in one direction, and by their field names;
// - every union here has one more member, for types not listed: `Known…` leaves it out.

import type Anthropic from '@anthropic-ai/sdk';
import type * as ours from 'millrace/protocol';

type Beta = Anthropic.Beta.Messages.BetaContentBlock;

/** Required all the way down. */
type Full<T> = T extends (infer Item)[]
  ? Full<Item>[]
  : T extends object
    ? { [Key in keyof T]-?: Full<Exclude<T[Key], undefined>> }
    : T;

/** Compiles only when every value of `From` is a value of `To`. */
type Assignable<From extends To, To> = From;

type Our<Type extends ours.KnownContentBlock['type']> = Extract<ours.KnownContentBlock, { type: Type }>;
type Their<Type extends Beta['type']> = Extract<Beta, { type: Type }>;

// Each type of block listed on one side is listed on the other.
export type BlockTypes = [
  Assignable<ours.KnownContentBlock['type'], Beta['type']>,
  Assignable<Beta['type'], ours.KnownContentBlock['type']>,
];

// Their values are our values.
export type FromTheirs = [
  Assignable<Anthropic.Message, Omit<ours.Message, 'content'> & { content: unknown }>,
  Assignable<Anthropic.Usage, ours.Usage>,
  Assignable<Anthropic.TextBlock, ours.TextBlock>,
  Assignable<Anthropic.ThinkingBlock, ours.ThinkingBlock>,
  Assignable<Anthropic.RedactedThinkingBlock, ours.RedactedThinkingBlock>,
  Assignable<Anthropic.ToolUseBlock, ours.ToolUseBlock>,
  Assignable<Anthropic.ServerToolUseBlock, ours.ServerToolUseBlock>,
  Assignable<Anthropic.WebSearchToolResultBlock, ours.WebSearchToolResultBlock>,
  Assignable<Anthropic.WebFetchToolResultBlock, ours.WebFetchToolResultBlock>,
  Assignable<Anthropic.CodeExecutionToolResultBlock, ours.CodeExecutionToolResultBlock>,
  Assignable<Anthropic.BashCodeExecutionToolResultBlock, ours.BashCodeExecutionToolResultBlock>,
  Assignable<Anthropic.TextEditorCodeExecutionToolResultBlock, ours.TextEditorCodeExecutionToolResultBlock>,
  Assignable<Anthropic.ToolSearchToolResultBlock, ours.ToolSearchToolResultBlock>,
  Assignable<Anthropic.ContainerUploadBlock, ours.ContainerUploadBlock>,
  Assignable<Their<'mcp_tool_use'>, ours.McpToolUseBlock>,
  Assignable<Their<'mcp_tool_result'>, ours.McpToolResultBlock>,
  Assignable<Their<'mcp_tool_listing'>, ours.McpToolListingBlock>,
  Assignable<Their<'compaction'>, ours.CompactionBlock>,
  Assignable<Their<'fallback'>, ours.FallbackBlock>,
  Assignable<Their<'advisor_tool_result'>, ours.AdvisorToolResultBlock>,
  Assignable<Anthropic.ContentBlock, ours.ContentBlock>,
  Assignable<Anthropic.TextCitation, ours.TextCitation>,
  Assignable<Anthropic.RawContentBlockDelta, ours.ContentBlockDelta>,
  Assignable<Anthropic.RawMessageStreamEvent, ours.StreamEvent>,
  Assignable<Anthropic.Beta.Messages.BetaRawContentBlockDelta, ours.ContentBlockDelta>,
  Assignable<Anthropic.StopReason, ours.StopReason>,
];

// Our values are their values.
export type ToTheirs = [
  Assignable<Full<ours.ThinkingBlock>, Anthropic.ThinkingBlock>,
  Assignable<Full<ours.RedactedThinkingBlock>, Anthropic.RedactedThinkingBlock>,
  Assignable<Full<ours.ContainerUploadBlock>, Anthropic.ContainerUploadBlock>,
  Assignable<Full<ours.WebSearchResult>, Anthropic.WebSearchResultBlock>,
  Assignable<Full<ours.CodeExecutionResult>, Anthropic.CodeExecutionResultBlock>,
  Assignable<Full<ours.EncryptedCodeExecutionResult>, Anthropic.EncryptedCodeExecutionResultBlock>,
  Assignable<Full<ours.BashCodeExecutionResult>, Anthropic.BashCodeExecutionResultBlock>,
  Assignable<Full<ours.ToolSearchResult>, Anthropic.ToolSearchToolSearchResultBlock>,
  Assignable<Full<Our<'mcp_tool_use'>>, Their<'mcp_tool_use'>>,
  Assignable<
    Full<Extract<ours.KnownTextCitation, { type: 'char_location' }>>,
    Anthropic.CitationCharLocation
  >,
  Assignable<
    Full<Extract<ours.KnownTextCitation, { type: 'page_location' }>>,
    Anthropic.CitationPageLocation
  >,
  Assignable<
    Full<Extract<ours.KnownTextCitation, { type: 'content_block_location' }>>,
    Anthropic.CitationContentBlockLocation
  >,
  Assignable<
    Full<Extract<ours.KnownTextCitation, { type: 'web_search_result_location' }>>,
    Anthropic.CitationsWebSearchResultLocation
  >,
  Assignable<
    Full<Extract<ours.KnownTextCitation, { type: 'search_result_location' }>>,
    Anthropic.CitationsSearchResultLocation
  >,
  Assignable<Full<ours.TextDelta>, Anthropic.TextDelta>,
  Assignable<Full<ours.InputJsonDelta>, Anthropic.InputJSONDelta>,
  Assignable<Full<ours.SignatureDelta>, Anthropic.SignatureDelta>,
  Assignable<Full<ours.ThinkingDelta>, Anthropic.Beta.Messages.BetaThinkingDelta>,
  Assignable<Full<ours.CompactionDelta>, Anthropic.Beta.Messages.BetaCompactionContentBlockDelta>,
  Assignable<Full<ours.ContentBlockStopEvent>, Anthropic.RawContentBlockStopEvent>,
  Assignable<Full<ours.MessageStopEvent>, Anthropic.RawMessageStopEvent>,
];

// The events and deltas listed are the same, but for ping, error and [DONE], which the SDK keeps to itself.
export type EventTypes = [
  Assignable<
    Exclude<ours.KnownStreamEvent['type'], 'ping' | 'error' | '[DONE]'>,
    Anthropic.RawMessageStreamEvent['type']
  >,
  Assignable<Anthropic.RawMessageStreamEvent['type'], ours.KnownStreamEvent['type']>,
  Assignable<ours.KnownContentBlockDelta['type'], Anthropic.Beta.Messages.BetaRawContentBlockDelta['type']>,
  Assignable<Anthropic.Beta.Messages.BetaRawContentBlockDelta['type'], ours.KnownContentBlockDelta['type']>,
  Assignable<ours.KnownTextCitation['type'], Anthropic.TextCitation['type']>,
  Assignable<Anthropic.TextCitation['type'], ours.KnownTextCitation['type']>,
];

// Every field of these that the SDK lists is listed here, and the other way.
type BetaMessage = Anthropic.Beta.Messages.BetaMessage;
type BetaUsage = Anthropic.Beta.Messages.BetaUsage;
export type Fields = [
  Assignable<keyof Their<'text'>, keyof ours.TextBlock>,
  Assignable<keyof ours.TextBlock, keyof Their<'text'>>,
  Assignable<keyof Anthropic.ToolUseBlock, keyof ours.ToolUseBlock>,
  Assignable<keyof ours.ToolUseBlock, keyof Anthropic.ToolUseBlock>,
  Assignable<keyof ours.ServerToolUseBlock, keyof Anthropic.ServerToolUseBlock>,
  Assignable<keyof BetaMessage, keyof ours.Message>,
  Assignable<keyof ours.Message, keyof BetaMessage>,
  Assignable<keyof BetaUsage, keyof ours.Usage>,
  Assignable<keyof ours.Usage, keyof BetaUsage>,
  Assignable<keyof Anthropic.Beta.Messages.BetaRawMessageDeltaEvent, keyof ours.MessageDeltaEvent>,
  Assignable<keyof ours.MessageDeltaEvent, keyof Anthropic.Beta.Messages.BetaRawMessageDeltaEvent>,
  Assignable<keyof Anthropic.RawMessageDeltaEvent['delta'], keyof ours.MessageDeltaEvent['delta']>,
  Assignable<keyof ours.MessageDeltaEvent['delta'], keyof Anthropic.RawMessageDeltaEvent['delta']>,
];
