// JSON Schema as a type: what a schema that is written down as it is says of the values it describes.

export interface JsonSchema {
  readonly [keyword: string]: unknown;
}

/**
 * The type of the values that a schema describes, as far as `type`, `properties`, `required`, `items`, `enum`,
 * `const`, `anyOf` and `oneOf` say it; `unknown` for all else.
 */
export type FromJsonSchema<Schema> = Schema extends { const: infer Value }
  ? Value
  : Schema extends { enum: readonly (infer Value)[] }
    ? Value
    : Schema extends { anyOf: readonly (infer Option)[] } | { oneOf: readonly (infer Option)[] }
      ? FromJsonSchema<Option>
      : Schema extends { type: infer Type }
        ? FromType<Schema, Type>
        : unknown;

type FromType<Schema, Type> = Type extends readonly (infer Each)[]
  ? FromType<Schema, Each>
  : Type extends 'array'
    ? FromItems<Schema>
    : Type extends 'object'
      ? FromProperties<Schema>
      : Type extends keyof Primitives
        ? Primitives[Type]
        : unknown;

interface Primitives {
  string: string;
  number: number;
  integer: number;
  boolean: boolean;
  null: null;
}

type FromItems<Schema> = Schema extends { items: infer Items } ? FromJsonSchema<Items>[] : unknown[];

type FromProperties<Schema> = Schema extends { properties: infer Properties }
  ? Flat<
      {
        -readonly [Key in keyof Properties as Key extends RequiredIn<Schema> ? Key : never]: FromJsonSchema<
          Properties[Key]
        >;
      } & {
        -readonly [Key in keyof Properties as Key extends RequiredIn<Schema> ? never : Key]?: FromJsonSchema<
          Properties[Key]
        >;
      }
    >
  : Record<string, unknown>;

type RequiredIn<Schema> = Schema extends { required: readonly (infer Key)[] } ? Key : never;

/** An intersection as one object, as a person would write it. */
type Flat<T> = { [Key in keyof T]: T[Key] };
