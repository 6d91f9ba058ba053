// Ctrl-C stops the answer, not the program: what had come is kept. Run it: npx node examples/client/interrupt.ts

import './without-key.ts';
import { Millrace } from 'millrace/client';

const client = new Millrace();

const stream = client.messages.stream({
  model: 'claude-sonnet-5',
  max_tokens: 4096,
  messages: [{ role: 'user', content: 'Tell me a long story.' }],
});

// Closes the connection, so that nothing more is written and billed. A second Ctrl-C ends the program.
const interrupted = new Error('Ctrl-C');
process.once('SIGINT', () => stream.abort(interrupted));

try {
  for await (const text of stream.textStream) process.stdout.write(text);
} catch (error) {
  // An abort rejects with the reason that was given.
  if (error !== interrupted) throw error;
}

const [block] = stream.currentMessage?.content ?? [];
const kept = block !== undefined && 'text' in block ? String(block.text).length : 0;
console.log(`\n[${stream.ending?.type}, ${kept} characters kept]`);
