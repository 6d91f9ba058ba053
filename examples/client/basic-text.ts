// Shows the text of an answer as it comes. Run it: npx node examples/client/basic-text.ts

import './without-key.ts';
import { Millrace } from 'millrace/client';

const client = new Millrace();

const stream = client.messages.stream({
  model: 'claude-sonnet-5',
  max_tokens: 1024,
  messages: [{ role: 'user', content: 'What is a mill race?' }],
});

for await (const text of stream.textStream) process.stdout.write(text);
process.stdout.write('\n');
