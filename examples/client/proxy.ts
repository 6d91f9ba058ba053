// Goes through a proxy: the one named, else HTTPS_PROXY, HTTP_PROXY and NO_PROXY of the environment.
// Run it: npx node examples/client/proxy.ts http://proxy.example:3128

import './without-key.ts';
import { createNodeTransport, Millrace } from 'millrace/client/node';

const [, , proxy] = process.argv;
const env = proxy === undefined ? process.env : { HTTPS_PROXY: proxy, HTTP_PROXY: proxy };

// Without a proxy of its own, `new Millrace()` of millrace/client/node does the same.
const client = new Millrace({ transport: createNodeTransport({ env }) });

const stream = client.messages.stream({
  model: 'claude-sonnet-5',
  max_tokens: 1024,
  messages: [{ role: 'user', content: 'What is a mill race?' }],
});

for await (const text of stream.textStream) process.stdout.write(text);
process.stdout.write('\n');
