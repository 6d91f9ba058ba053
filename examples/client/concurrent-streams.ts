// Three answers at the same time, two at most on their way. One that fails does not lose the others.
// Run it: npx node examples/client/concurrent-streams.ts

import './without-key.ts';
import { all, Millrace } from 'millrace/client';

const prompts = ['What is a head race?', 'What is a sluice?', 'What is a tail race?'];

const results = await all(new Millrace(), prompts, {
  params: { model: 'claude-sonnet-5', max_tokens: 1024 },
  concurrency: 2,
  onProgress: ({ finished, total }) => console.log(`${finished} of ${total}`),
});

// In the order of the prompts, whichever came first.
for (const { ending, text, usage } of results) console.log(ending.type, text, usage?.output_tokens);
