// The answer to a request that wants JSON of a certain form: one that fits the schema, made like the input of a tool.

import { textPart } from '../answer-part.ts';
import type { AnswerPart } from '../answer-part.ts';
import type { JsonObject } from '../json-object.ts';
import type { Question } from '../question.ts';
import { toSpacedJson } from '../spaced-json.ts';
import { exampleInput } from './example-input.ts';

export function structured({ request: { outputSchema = {} } }: Question): readonly AnswerPart[] {
  return [textPart(toSpacedJson(exampleFor(outputSchema)))];
}

/** What an example is made of is always an object: anything else is a property of one. */
function exampleFor(schema: JsonObject): unknown {
  const { type, $defs, definitions } = schema;
  if (type === undefined || type === 'object') return exampleInput(schema);
  return exampleInput({ type: 'object', properties: { answer: schema }, $defs, definitions })['answer'];
}
