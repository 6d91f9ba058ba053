// A conversation: each question goes out with all that was said before. Run it: npx node examples/client/multi-turn.ts

import './without-key.ts';
import { conversation, Millrace } from 'millrace/client';

const chat = conversation(new Millrace(), { model: 'claude-sonnet-5', max_tokens: 1024 });

for (const question of ['My name is Ann.', 'What is my name?']) {
  process.stdout.write(`> ${question}\n`);
  for await (const text of chat.send(question).textStream) process.stdout.write(text);
  process.stdout.write('\n');
}

// JSON.stringify(chat) saves it, and loadConversation() goes on with it.
console.log(`${chat.turns.length} turns, ${chat.messages.length} messages for the next request`);
