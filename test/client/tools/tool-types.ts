// What the types of tools, objects and conversations promise, checked at compile time: `tsc -b` is the test. A line
// under `@ts-expect-error` must not compile.

import { runTools, streamObject, tool } from 'millrace/client';
import type {
  FromJsonSchema,
  InputOf,
  MessagesClient,
  OutputOf,
  StandardSchema,
  ToolRunEvent,
} from 'millrace/client';
import * as z from 'zod';

/** Whether each has all values of the other. */
type Same<One, Other> = [One] extends [Other] ? ([Other] extends [One] ? true : false) : false;
/** Compiles only when both are the same type. */
function isSame<One, Other>(_: Same<One, Other>): void {
  // The compiler has done it.
}

declare const client: MessagesClient;
declare const byHand: StandardSchema<{ n: string }, { n: number }>;
const params = { model: 'm', max_tokens: 1, messages: [] } as const;

export function tools(): void {
  const weather = tool({
    name: 'get_weather',
    inputSchema: z.object({
      city: z.string(),
      unit: z.enum(['c', 'f']).default('c'),
      days: z.coerce.number<string>(),
    }),
    run: ({ city, unit, days }) => {
      isSame<typeof city, string>(true);
      isSame<typeof unit, 'c' | 'f'>(true);
      isSame<typeof days, number>(true);
      return [{ high: 21 }];
    },
  });
  isSame<OutputOf<typeof weather>, { high: number }[]>(true);
  const plain = tool({
    name: 'plain',
    inputSchema: {
      type: 'object',
      properties: {
        id: { type: 'integer' },
        tags: { type: 'array', items: { enum: ['a', 'b'] } },
        note: { type: ['string', 'null'] },
      },
      required: ['id', 'note'],
    },
    run: async (input) => {
      isSame<typeof input, { id: number; note: string | null; tags?: ('a' | 'b')[] }>(true);
      // @ts-expect-error: it may be missing.
      void input.tags.length;
      return 'text';
    },
  });
  isSame<OutputOf<typeof plain>, string>(true);
  const other = tool({ name: 'other', inputSchema: byHand, jsonSchema: {}, run: ({ n }) => n });
  isSame<InputOf<typeof other>, { n: number }>(true);

  const run = runTools(client, {
    ...params,
    tools: [weather, plain, other, { type: 'web_search_20250305', name: 'web_search' }],
    approve: (call) => {
      isSame<typeof call.name, 'get_weather' | 'plain' | 'other'>(true);
      return call.name === 'plain' ? call.input.id > 0 : { deny: 'no' };
    },
  });
  void (async () => {
    for await (const event of run) {
      if (event.type === 'tool_start' && event.name === 'get_weather') {
        isSame<typeof event.input.unit, 'c' | 'f'>(true);
        // @ts-expect-error: that is the other tool's.
        void event.input.id;
      }
      if (event.type === 'tool_result' && event.name === 'plain') {
        isSame<typeof event.output, string | undefined>(true);
      }
      if (event.type === 'tool_input' && event.name === 'plain') {
        isSame<NonNullable<typeof event.input.value>['id'], number | undefined>(true);
      }
      if (event.type === 'stream_event' && event.event.type === 'recover')
        event.event.from_index satisfies number;
    }
  });
  run satisfies AsyncIterable<ToolRunEvent>;
  // @ts-expect-error: tools are what it is for.
  runTools(client, params);
}

export function objects(): void {
  const recipe = streamObject(client, {
    ...params,
    schema: z.object({
      name: z.string(),
      at: z.string().transform((text) => new Date(text)),
      steps: z.array(z.object({ text: z.string() })),
    }),
  });
  void (async () => {
    const { at } = await recipe.finalObject();
    isSame<typeof at, Date>(true);
    for await (const partial of recipe.partialObjectStream) {
      isSame<typeof partial.at, string | undefined>(true);
      partial.steps?.[0]?.text satisfies string | undefined;
      // @ts-expect-error: it may still be to come.
      void partial.name.length;
    }
    if (recipe.ending?.type === 'unfinished') recipe.ending.partialObject?.name satisfies string | undefined;
  });
  const plain = streamObject(client, {
    ...params,
    schema: { type: 'object', properties: { a: { const: 1 } }, required: ['a'] },
  });
  isSame<Awaited<ReturnType<typeof plain.finalObject>>, { a: 1 }>(true);
}

export type Literals = [
  FromJsonSchema<{ anyOf: readonly [{ type: 'string' }, { type: 'null' }] }> extends string | null
    ? true
    : never,
  Same<FromJsonSchema<{ type: 'object' }>, Record<string, unknown>>,
];
[true, true] satisfies Literals;
