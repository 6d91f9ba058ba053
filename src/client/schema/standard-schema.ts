// What a schema library shows of itself, whatever its name: Standard Schema v1 (https://standardschema.dev), and
// Standard JSON Schema where the library has it. Interfaces alone: nothing is imported for them.

export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1;
    /** The library's name. */
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>;
    /** For the compiler only. */
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
    readonly jsonSchema?: StandardJsonSchema | undefined;
  };
}

interface StandardJsonSchema {
  /** The JSON Schema of what goes in. Throws for what it cannot express. */
  readonly input: (options: { readonly target: 'draft-2020-12' }) => Record<string, unknown>;
}

type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

/** What is wrong with a value, and where in it. */
export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** Some libraries' schemas are functions. */
export function isStandardSchema(value: object): value is StandardSchema {
  return '~standard' in value;
}
