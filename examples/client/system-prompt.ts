// Says how Claude is to answer. Run it: npx node examples/client/system-prompt.ts

import './without-key.ts';
import { Millrace } from 'millrace/client';

const client = new Millrace();

const stream = client.messages.stream({
  model: 'claude-sonnet-5',
  max_tokens: 1024,
  system: 'You are a pirate. Answer in one sentence.',
  messages: [{ role: 'user', content: 'How does a water mill work?' }],
});

for await (const text of stream.textStream) process.stdout.write(text);
process.stdout.write('\n');
