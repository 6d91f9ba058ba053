// Structured output: an answer held to a schema.

import type { MessageParams, RequestOptions } from './message-params.ts';
import type { MessagesClient } from './messages-client.ts';
import { ObjectStream } from './object-stream.ts';
import type { JsonSchema } from './schema/json-schema.ts';
import { outputFormat } from './schema/output-format.ts';
import type { SchemaInput, SchemaOutput, ValueSchema } from './schema/value-schema.ts';

/** The parameters of a request, and beside them: */
export interface ObjectParams<Schema extends ValueSchema> extends MessageParams {
  /** What the answer must be: a schema of zod or any library that follows Standard Schema, or JSON Schema. */
  schema: Schema;
  /** Its JSON Schema, for a library that gives none. */
  jsonSchema?: JsonSchema | undefined;
}

/**
 * Asks for an answer that is JSON of this schema, and streams it. The request is sent at once, with the schema as
 * `output_config.format`. Throws a TypeError for a schema that JSON Schema cannot express.
 *
 * @example
 * const recipe = streamObject(client, { ...params, schema: z.object({ name: z.string(), steps: z.array(z.string()) }) });
 * for await (const { name, steps = [] } of recipe.partialObjectStream) draw(name, steps);
 * const { steps } = await recipe.finalObject();
 */
export function streamObject<const Schema extends ValueSchema>(
  client: MessagesClient,
  params: ObjectParams<Schema>,
  options: RequestOptions = {},
): ObjectStream<SchemaOutput<Schema>, SchemaInput<Schema>> {
  const { schema, jsonSchema, output_config: config, ...request } = params;
  const format = outputFormat(schema, jsonSchema);
  const stream = client.messages.stream(
    {
      ...request,
      output_config: { ...(config as object | undefined), format },
    },
    options,
  );
  return new ObjectStream(stream, schema);
}
