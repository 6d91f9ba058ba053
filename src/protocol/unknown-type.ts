// How a discriminated union stays open: the API adds event, block and delta types at any time, and they must
// pass through. A plain `type: string` member would defeat narrowing, and so does a branded string; one literal
// that stands for all other strings does not: `event.type === 'ping'` narrows to the known member alone, and
// what is left over after all known types is the unknown one.

/** Stands, for the compiler only, for every `type` this version has no name for. At run time it is that type. */
export type UnknownType = '(not listed here)';

/** An object of the API whose `type` this version has no name for; all its fields are kept. To compare its type
 * with a string of your own, widen it first: `(event.type as string) === 'new_event'`. */
export interface UnknownObject {
  type: UnknownType;
  [field: string]: unknown;
}

/** The values known today, and any other string: nothing listed here is ever a closed set on the wire. */
export type OpenString<Known extends string> = Known | (string & Record<never, never>);
