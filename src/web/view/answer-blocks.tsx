// The blocks of an answer, each by its type.

import type { JSX } from 'preact';
import type { KnownContentBlock } from '../../protocol/index.ts';
import type { AnswerBlock } from '../chat/answer-block.ts';
import type { Answer } from '../chat/answer.ts';
import type { Frames } from '../frames.ts';
import { strings } from '../strings.ts';
import { TextBlock } from './text-block.tsx';
import { ThinkingBlock } from './thinking-block.tsx';
import { OtherBlock, ToolBlock } from './tool-block.tsx';

interface BlockProperties {
  readonly view: AnswerBlock;
  readonly frames: Frames;
}

type BlockView = (properties: BlockProperties) => JSX.Element;

export function AnswerBlocks({ answer, frames }: { answer: Answer; frames: Frames }): JSX.Element {
  return (
    <>
      {answer.blocks.value.map((view) => {
        const { type } = view.block;
        const View: BlockView = Object.hasOwn(views, type)
          ? views[type as KnownContentBlock['type']]
          : OtherBlock;
        return <View key={view.key} view={view} frames={frames} />;
      })}
    </>
  );
}

function RedactedThinking(): JSX.Element {
  return <p class="aside">{strings.thinking.hidden}</p>;
}

function FallbackNote({ view: { block } }: BlockProperties): JSX.Element {
  const model = block.type === 'fallback' && 'to' in block ? (block.to as { model: string }).model : '';
  return <p class="aside">{strings.tool.fallback(model)}</p>;
}

const views = {
  advisor_tool_result: OtherBlock,
  bash_code_execution_tool_result: OtherBlock,
  code_execution_tool_result: OtherBlock,
  compaction: OtherBlock,
  container_upload: OtherBlock,
  fallback: FallbackNote,
  mcp_tool_listing: OtherBlock,
  mcp_tool_result: OtherBlock,
  mcp_tool_use: ToolBlock,
  redacted_thinking: RedactedThinking,
  server_tool_use: ToolBlock,
  text: TextBlock,
  text_editor_code_execution_tool_result: OtherBlock,
  thinking: ThinkingBlock,
  tool_search_tool_result: OtherBlock,
  tool_use: ToolBlock,
  web_fetch_tool_result: OtherBlock,
  web_search_tool_result: OtherBlock,
} satisfies Record<KnownContentBlock['type'], BlockView>;
