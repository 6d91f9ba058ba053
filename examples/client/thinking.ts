// Shows what Claude thinks before it answers. Run it: npx node examples/client/thinking.ts

import './without-key.ts';
import { Millrace } from 'millrace/client';

const client = new Millrace();

const stream = client.messages.stream({
  model: 'claude-sonnet-5',
  max_tokens: 4096,
  thinking: { type: 'adaptive', display: 'summarized' },
  messages: [{ role: 'user', content: 'A farmer has 17 sheep. All but 9 run away. How many are left?' }],
});

stream.on('thinking', (delta) => process.stdout.write(delta));
stream.on('contentBlock', ({ type }) => process.stdout.write(`\n[end of ${type}]\n`));
stream.on('text', (delta) => process.stdout.write(delta));

// In a conversation the thinking goes back as it came: its signature is in the message.
const { content } = await stream.finalMessage();
console.log(content.map(({ type }) => type).join(', '));
