// What the AI SDK's UI message stream (v1) is made of: https://ai-sdk.dev/docs/ai-sdk-ui/stream-protocol.

import type { JsonObject } from '../json-object.ts';

/** One part of the stream, as `useChat` reads it: ids and texts are strings, whatever upstream sent. */
export type UiChunk = { readonly type: string } & JsonObject;

/** The parts a client understands: 6 has all but what takes back or cites, 7 has them all. */
export type UiVersion = 6 | 7;

/** What the parts of a block carry beside their own fields, so that a page can send it back byte for byte. */
export interface BlockMetadata {
  /** Under the name that the AI SDK's own provider uses. */
  readonly anthropic?: {
    readonly signature?: string;
    readonly redactedData?: string;
    readonly citations?: readonly unknown[];
  };
  /** The block's own type and the fields that no part has a place for. */
  readonly millrace?: { readonly block: JsonObject };
}

/** The fields of a part that has metadata; none for one that has not. */
export function withMetadata(metadata: BlockMetadata | undefined): JsonObject {
  return metadata === undefined ? {} : { providerMetadata: metadata };
}
