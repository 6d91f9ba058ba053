// The small door of the client, 14 KB: one loop over an answer that is gone on with when it breaks off. It reads nothing
// of the environment. Run it: npx node examples/client/small-client.ts

import './without-key.ts';
import { AnswerClient } from 'millrace/client/answer';

const client = new AnswerClient({
  apiKey: process.env['ANTHROPIC_API_KEY'],
  baseURL: process.env['ANTHROPIC_BASE_URL'],
});

await using answer = client.stream(
  {
    model: 'claude-sonnet-5',
    max_tokens: 1024,
    messages: [{ role: 'user', content: 'What is a mill race?' }],
  },
  { recover: true, onRetry: ({ kind, error }) => console.error(`${kind} after ${error.code}`) },
);

for await (const text of answer.textStream) process.stdout.write(text);
console.log(`\n[${answer.ending?.type}, ${answer.attempts.length} request]`);
