// A tool: what the model is told of it, the check of what it writes as input, and the function that runs.

import type { ContentParam } from '../message-params.ts';
import type { JsonSchema } from '../schema/json-schema.ts';
import { toStrict } from '../schema/output-format.ts';
import { checkValue, toJsonSchema } from '../schema/value-schema.ts';
import type { Checked, SchemaOutput, ValueSchema } from '../schema/value-schema.ts';
import { demandPositive } from '../demand.ts';

export interface ToolOptions<Name extends string, Schema extends ValueSchema, Output> {
  name: Name;
  description?: string | undefined;
  /** What the input must be: a schema of zod or any library that follows Standard Schema, or JSON Schema. */
  inputSchema?: Schema | undefined;
  /** The input's JSON Schema, for a library that gives none. */
  jsonSchema?: JsonSchema | undefined;
  /** How long one call may take. Default that of the run. */
  timeoutMs?: number | undefined;
  /**
   * Runs one call, with an input that the schema has passed. What it returns is the result: a text, content blocks
   * (images), or any value, written as JSON. What it throws is told to the model.
   */
  run: (input: SchemaOutput<Schema>, context: ToolContext) => Output | Promise<Output>;
  /** Further fields go to the API as they are: `strict`, `cache_control`, `type` of a tool that the API defines. */
  [field: string]: unknown;
}

export interface ToolContext {
  /** The id of the call. */
  readonly toolUseId: string;
  /** Counts from 1. */
  readonly turn: number;
  /** Aborts when the run does, and when the call takes too long. A call that goes on all the same is not waited for. */
  readonly signal: AbortSignal;
}

export interface Tool<Name extends string = string, Input = unknown, Output = unknown> {
  readonly name: Name;
  /** What the model is told. */
  readonly definition: Readonly<Record<string, unknown>>;
  readonly timeoutMs: number | undefined;
  check(input: unknown): Promise<Checked<Input>>;
  run(input: Input, context: ToolContext): Output | Promise<Output>;
}

/** The input of a tool's calls. */
export type InputOf<Each> = Each extends Tool<string, infer Input> ? Input : never;
export type OutputOf<Each> = Each extends { run(input: never, context: ToolContext): infer Result }
  ? Awaited<Result>
  : never;

/**
 * Makes a tool.
 *
 * @example
 * const weather = tool({
 *   name: 'get_weather',
 *   description: 'The weather in a city, now.',
 *   inputSchema: z.object({ city: z.string() }),
 *   run: async ({ city }, { signal }) => (await fetch(`https://weather.example/${city}`, { signal })).text(),
 * });
 *
 * Throws a TypeError when the schema gives no JSON Schema and `jsonSchema` was not given, a RangeError for a limit
 * of time that is none.
 */
export function tool<
  const Name extends string,
  Output,
  const Schema extends ValueSchema = { readonly type: 'object' },
>(options: ToolOptions<Name, Schema, Output>): Tool<Name, SchemaOutput<Schema>, Output> {
  const { name, description, inputSchema, jsonSchema, timeoutMs, run, ...fields } = options;
  const schema: ValueSchema = inputSchema ?? { type: 'object' };
  return {
    name,
    definition: {
      ...fields,
      name,
      ...(description === undefined ? {} : { description }),
      ...(isDefinedByApi(fields) ? {} : { input_schema: schemaOf({ schema, jsonSchema, name }, fields) }),
    },
    timeoutMs: timeoutMs === undefined ? undefined : demandPositive('timeoutMs', timeoutMs),
    check: async (input) => (await checkValue(schema, input)) as Checked<SchemaOutput<Schema>>,
    run,
  };
}

/** The model knows what these take. */
function isDefinedByApi({ type }: { type?: unknown }): boolean {
  return type !== undefined && type !== 'custom';
}

function schemaOf(
  { schema, jsonSchema, name }: { schema: ValueSchema; jsonSchema: JsonSchema | undefined; name: string },
  { strict }: { strict?: unknown },
): JsonSchema {
  const described = toJsonSchema(schema, { of: `the input of the tool ${JSON.stringify(name)}`, jsonSchema });
  return strict === true ? toStrict(described) : described;
}

export function isTool(value: object): value is Tool {
  return 'run' in value && 'definition' in value;
}

/** Thrown by a tool to answer a call with an error that is more than a text. */
export class ToolError extends Error {
  override readonly name = 'ToolError';
  readonly content: string | readonly ContentParam[];

  constructor(content: string | readonly ContentParam[], options?: ErrorOptions) {
    super(typeof content === 'string' ? content : 'The tool failed', options);
    this.content = content;
  }
}
