// Shows the text at a steady pace, where the network brings it in bursts. Run it: npx node examples/client/smooth-text.ts

import './without-key.ts';
import { Millrace, smooth } from 'millrace/client';

const client = new Millrace();

const stream = client.messages.stream({
  model: 'claude-sonnet-5',
  max_tokens: 1024,
  messages: [{ role: 'user', content: 'What is a mill race?' }],
});

for await (const text of smooth(stream.textStream)) process.stdout.write(text);
process.stdout.write('\n');
