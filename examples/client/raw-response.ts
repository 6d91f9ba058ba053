// The response behind an answer: its status, its headers, the id that support asks for, and its bytes.
// Run it: npx node examples/client/raw-response.ts

import './without-key.ts';
import { Millrace } from 'millrace/client';

const client = new Millrace();
const params = {
  model: 'claude-sonnet-5',
  max_tokens: 1024,
  messages: [{ role: 'user' as const, content: 'What is a mill race?' }],
};

// As soon as the headers are there, before the answer is.
const { data: stream, response, request_id } = await client.messages.stream(params).withResponse();
console.log(response.status, response.headers.get('content-type'), request_id);
console.log((await stream.finalText()).length, 'characters');

// The bytes as they came, for who reads them otherwise: without events, limits of time or recovery.
const raw = await client.messages.create({ ...params, stream: true }).asResponse();
console.log((await raw.text()).split('\n', 1)[0]);
