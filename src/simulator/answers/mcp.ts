// An answer for which the API calls a tool of an MCP server.

import { textPart } from '../answer-part.ts';
import type { AnswerPart } from '../answer-part.ts';
import type { Question } from '../question.ts';
import { quoteExcerpt } from './excerpt.ts';
import { askedErrorCode, explainError } from './server-tool.ts';

export function* mcp(question: Question): Generator<AnswerPart> {
  const { request, prompt } = question;
  const code = askedErrorCode(question);
  const message = Array.from(prompt.replaceAll(/\s+/g, ' ').trim()).slice(0, 80).join('');
  const server = request.offers.mcpServers[0] ?? 'example';
  yield {
    type: 'block',
    block: { type: 'mcp_tool_use', name: 'echo', input: { message }, server_name: server },
  };
  yield {
    type: 'block',
    block: {
      type: 'mcp_tool_result',
      is_error: code !== undefined,
      content: [{ type: 'text', text: code ?? `Tool echo: ${message}` }],
    },
  };
  yield textPart(
    code === undefined
      ? `Nobody was asked: the simulator calls no server. Its tool \`echo\` would have said ${quoteExcerpt(message)}.`
      : explainError(code),
  );
}
