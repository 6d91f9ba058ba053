// Claude calls a function of this program, as often as it likes, and answers with what that returned.
// Run it: npx node examples/client/tool-use.ts

import './without-key.ts';
import { Millrace, runTools, tool } from 'millrace/client';

const weather = tool({
  name: 'get_weather',
  description: 'The weather in a city, now.',
  inputSchema: {
    type: 'object',
    properties: { city: { type: 'string' } },
    required: ['city'],
    additionalProperties: false,
  },
  // `input` has the type that follows from the schema, and has been checked against it.
  run: ({ city }) => ({ city, sky: city === 'Lisbon' ? 'rain' : 'sun' }),
});

const run = runTools(new Millrace(), {
  model: 'claude-sonnet-5',
  max_tokens: 1024,
  messages: [{ role: 'user', content: 'Do I need an umbrella in Lisbon, and in Paris?' }],
  tools: [weather],
});

for await (const event of run) {
  if (event.type === 'tool_start') console.log(`→ ${event.name}(${JSON.stringify(event.input)})`);
  if (event.type === 'tool_result') console.log('←', event.result.content);
}
console.log(await run.finalText());
