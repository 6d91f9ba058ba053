// What can go wrong, and what is known then. Run it: npx node examples/client/error-handling.ts

import './without-key.ts';
import { ApiError, ConnectionError, Millrace, TimeoutError, TruncatedError } from 'millrace/client';

const params = {
  model: 'claude-sonnet-5',
  max_tokens: 1024,
  messages: [{ role: 'user' as const, content: 'What is a mill race?' }],
};

async function ask(client: Millrace, model: string): Promise<void> {
  const stream = client.messages.stream({ ...params, model });
  try {
    console.log(await stream.finalText());
  } catch (error) {
    if (error instanceof ApiError) console.log('The API said no:', error.status, error.type, error.requestId);
    else if (error instanceof ConnectionError) console.log('No connection:', error.phase);
    else if (error instanceof TimeoutError) console.log('Too slow:', error.code, error.limitMs);
    else if (error instanceof TruncatedError) console.log('Cut off:', error.message);
    else throw error;
  }
  // The same without an exception. `message` is what had arrived, and every error has it as `partial`.
  const { type, message } = stream.ending ?? {};
  console.log(`  ${type}, ${message?.content.length ?? 0} blocks, ${stream.attempts.length} attempts`);
}

await ask(new Millrace(), 'claude-nonesuch');
// Nobody listens there: it is tried once more, after a moment.
await ask(new Millrace({ baseURL: 'http://127.0.0.1:1', retry: { maxRetries: 1 } }), params.model);
await ask(new Millrace({ timeouts: { totalMs: 1 } }), params.model);
