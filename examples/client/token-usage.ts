// Shows what an answer takes while it grows, and what it took. Run it: npx node examples/client/token-usage.ts

import './without-key.ts';
import { Millrace } from 'millrace/client';

const client = new Millrace();
const question = {
  model: 'claude-sonnet-5',
  messages: [{ role: 'user' as const, content: 'What is a mill race?' }],
};

const counted = await client.messages.countTokens(question);
console.log(`before: ${counted.input_tokens} tokens in`);

const stream = client.messages.stream({ ...question, max_tokens: 1024 });
for await (const event of stream) {
  if (event.type !== 'message_start' && event.type !== 'message_delta') continue;
  // The API says its count at the start and at the end; `usage` is the sum of all attempts, retries included.
  console.log(`${event.type}: ${stream.usage?.input_tokens} in, ${stream.usage?.output_tokens} out`);
}

const { usage } = await stream.finalMessage();
console.log(`after: ${usage.input_tokens + usage.output_tokens} tokens in ${stream.attempts.length} request`);
