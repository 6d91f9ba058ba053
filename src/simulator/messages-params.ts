// The body of a request to the Messages API as it was sent, for tests to look at. Only what most tests look at has a
// type of its own; everything else is there as well.

import type { JsonObject } from './json-object.ts';

export interface MessagesParams {
  readonly model: string;
  readonly max_tokens: number;
  readonly messages: readonly MessageParam[];
  readonly system?: string | readonly ParamBlock[];
  readonly tools?: readonly (JsonObject & { readonly name?: string })[];
  readonly stream?: boolean;
  readonly [field: string]: unknown;
}

export interface MessageParam {
  readonly role: 'user' | 'assistant';
  readonly content: string | readonly ParamBlock[];
}

/** A content block of the request; its fields depend on its type. */
export type ParamBlock = JsonObject & { readonly type: string };
