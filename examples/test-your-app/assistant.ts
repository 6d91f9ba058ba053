// The app: it answers questions about the weather with Claude and one tool.

import type Anthropic from '@anthropic-ai/sdk';

export interface AssistantOptions {
  client: Anthropic;
  /** Is given each piece of text as it arrives. */
  onText?: (text: string) => void;
  /** Gives up when nothing has come for so long. */
  idleMs?: number;
}

const tools: Anthropic.Tool[] = [
  {
    name: 'get_weather',
    description: 'The weather in a city.',
    input_schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
];

/** Resolves with the whole answer, all calls of the tool included. */
export async function answer(question: string, options: AssistantOptions): Promise<string> {
  const messages: Anthropic.MessageParam[] = [{ role: 'user', content: question }];
  for (;;) {
    const message = await streamTurn(messages, options);
    if (message.stop_reason !== 'tool_use') return textOf(message);
    messages.push(
      { role: 'assistant', content: message.content },
      { role: 'user', content: message.content.flatMap(runTool) },
    );
  }
}

async function streamTurn(
  messages: Anthropic.MessageParam[],
  { client, onText, idleMs = 60_000 }: AssistantOptions,
): Promise<Anthropic.Message> {
  const stream = client.messages.stream({ model: 'claude-sonnet-5', max_tokens: 1000, tools, messages });
  if (onText !== undefined) stream.on('text', onText);
  const timer = setTimeout(() => stream.abort(), idleMs);
  stream.on('streamEvent', () => timer.refresh());
  try {
    return await stream.finalMessage();
  } finally {
    clearTimeout(timer);
  }
}

function runTool(block: Anthropic.ContentBlock): Anthropic.ToolResultBlockParam[] {
  if (block.type !== 'tool_use') return [];
  const { city } = block.input as { city: string };
  return [{ type: 'tool_result', tool_use_id: block.id, content: `21 degrees in ${city}` }];
}

function textOf(message: Anthropic.Message): string {
  return message.content.map((block) => (block.type === 'text' ? block.text : '')).join('');
}
