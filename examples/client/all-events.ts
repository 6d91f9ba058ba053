// Shows every event of an answer. Run it: npx node examples/client/all-events.ts

import './without-key.ts';
import { Millrace } from 'millrace/client';

const client = new Millrace();

const stream = client.messages.stream({
  model: 'claude-sonnet-5',
  max_tokens: 1024,
  messages: [{ role: 'user', content: 'What is a mill race?' }],
});

for await (const event of stream) {
  switch (event.type) {
    case 'message_start':
      console.log('message_start', event.message.model);
      break;
    case 'content_block_start':
      console.log('content_block_start', event.index, event.content_block.type);
      break;
    case 'content_block_delta':
      console.log('content_block_delta', event.index, JSON.stringify(event.delta));
      break;
    case 'content_block_stop':
      console.log('content_block_stop', event.index);
      break;
    case 'message_delta':
      console.log('message_delta', event.delta.stop_reason, event.usage?.output_tokens, 'tokens');
      break;
    default:
      // ping, message_stop, and whatever the API learns to send.
      console.log(event.type);
  }
}
