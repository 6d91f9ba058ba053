// The unions narrow by `type`, and the branch for types not listed is typed as well. Compiled by types.test.ts.

import type { ContentBlock, ContentBlockDelta, StreamEvent } from 'millrace/protocol';

export function describeEvent(event: StreamEvent): string {
  switch (event.type) {
    case 'message_start':
      return event.message.model;
    case 'content_block_start':
      return describeBlock(event.content_block);
    case 'content_block_delta':
      return describeDelta(event.delta);
    case 'content_block_stop':
      return String(event.index satisfies number);
    case 'message_delta':
      return event.delta.stop_reason ?? '';
    case 'error':
      return event.error.message;
    case 'message_stop':
    case 'ping':
    case '[DONE]':
      return event.type;
    default:
      return String(event['any field'] satisfies unknown);
  }
}

function describeBlock(block: ContentBlock): string {
  if (block.type === 'text') return block.text satisfies string;
  if (block.type === 'tool_use' || block.type === 'mcp_tool_use') return block.name satisfies string;
  return block.type satisfies string;
}

function describeDelta(delta: ContentBlockDelta): string {
  return delta.type === 'text_delta' ? delta.text : delta.type;
}
