// Streams an answer and takes the whole message at its end: for long answers that nobody watches, where a request
// without a stream would run into limits of time. Run it: npx node examples/client/final-message.ts

import './without-key.ts';
import { Millrace } from 'millrace/client';

const client = new Millrace();

const stream = client.messages.stream({
  model: 'claude-sonnet-5',
  max_tokens: 1024,
  messages: [{ role: 'user', content: 'What is a mill race?' }],
});

// Rejects unless the answer is whole: a message that was cut off is never taken for one.
const message = await stream.finalMessage();

for (const block of message.content) console.log(`${block.type}:`, 'text' in block ? block.text : block);
console.log('stopped for:', message.stop_reason);
