// An object of a known shape: shown while it grows, checked at its end. Run it: npx node examples/client/structured-output.ts

import './without-key.ts';
import { Millrace, streamObject } from 'millrace/client';

const recipe = streamObject(new Millrace(), {
  model: 'claude-sonnet-5',
  max_tokens: 1024,
  messages: [{ role: 'user', content: 'A recipe for onion soup, in three steps.' }],
  // Plain JSON Schema, or a schema of zod, Valibot or ArkType.
  schema: {
    type: 'object',
    properties: {
      name: { type: 'string' },
      minutes: { type: 'integer' },
      steps: { type: 'array', items: { type: 'string' } },
    },
    required: ['name', 'minutes', 'steps'],
  },
});

for await (const { name, steps = [] } of recipe.partialObjectStream) console.log(name, steps.length);

// Typed by the schema; rejects when the answer is cut, refused, or of another shape.
const { name, minutes, steps } = await recipe.finalObject();
console.log(`${name}, ${minutes} minutes: ${steps.join('; ')}`);
