// The tools that a page offers: in the shape of the Messages API, or as assistant-ui sends them, by name.

import { isJsonObject } from '../json-object.ts';
import { RequestError } from '../request-error.ts';

/** Undefined when there are none. Throws RequestError. */
export function toTools(value: unknown): readonly unknown[] | undefined {
  if (value == null) return undefined;
  if (Array.isArray(value)) return value.length === 0 ? undefined : value;
  if (!isJsonObject(value)) throw new RequestError(400, 'tools: must be a list of tools');
  const tools = Object.entries(value).map(([name, tool]) => {
    const { description = '', parameters } = isJsonObject(tool) ? tool : {};
    if (!isJsonObject(parameters))
      throw new RequestError(400, `tools.${name}.parameters: must be a JSON schema`);
    return { name, description, input_schema: parameters };
  });
  return tools.length === 0 ? undefined : tools;
}
