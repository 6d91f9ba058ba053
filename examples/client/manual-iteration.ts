// Takes events one by one, when it wants them: nothing is read ahead. Run it: npx node examples/client/manual-iteration.ts

import './without-key.ts';
import { Millrace } from 'millrace/client';

const client = new Millrace();

const stream = client.messages.stream({
  model: 'claude-sonnet-5',
  max_tokens: 4096,
  messages: [{ role: 'user', content: 'Tell me a long story.' }],
});

const events = stream[Symbol.asyncIterator]();
for (let count = 1; count <= 5; count += 1) {
  const { value, done } = await events.next();
  if (done === true) break;
  console.log(count, value.type);
}

// Enough. Leaving the only reader of an answer ends the answer, and closes its connection.
await events.return?.();
await stream.closed;
console.log(stream.ending?.type);
