// Reads what is there of an answer at any time, while it comes. Run it: npx node examples/client/snapshot.ts

import './without-key.ts';
import { Millrace } from 'millrace/client';

const client = new Millrace();

const stream = client.messages.stream({
  model: 'claude-sonnet-5',
  max_tokens: 1024,
  messages: [{ role: 'user', content: 'What is a mill race?' }],
});

// Each listener of text gets the piece, and all of its block so far.
stream.on('text', (delta, snapshot) => {
  console.log(`${snapshot.length} characters, with ${JSON.stringify(delta)}`);
});
stream.on('contentBlock', () => {
  // The message so far: a live view that costs nothing to read, and is not to be changed.
  const { content, stop_reason } = stream.currentMessage ?? { content: [], stop_reason: null };
  console.log(`${content.length} block, stop_reason ${stop_reason}`);
});

await stream.done();
console.log('stop_reason', stream.currentMessage?.stop_reason);
