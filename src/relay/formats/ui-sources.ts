// Claude's citations as the sources of a UI message: each source once, and each citation with the source it is of.

import { stringOr } from '../json-object.ts';
import type { JsonObject } from '../json-object.ts';
import type { UiChunk } from './ui-chunk.ts';

export class UiSources {
  /** By what they are called where Claude found them. */
  readonly #known = new Map<string, JsonObject>();

  /** The part that tells of the source, if no citation before was of it. */
  take(citation: JsonObject): UiChunk | undefined {
    const { key, source } = sourceOf(citation);
    if (this.#known.has(key)) return undefined;
    const id = `source-${this.#known.size + 1}`;
    this.#known.set(key, { type: 'source', id, ...source });
    const { sourceType, ...fields } = source;
    return { type: `source-${sourceType}`, sourceId: id, ...fields };
  }

  /** The citations of a text, as its end tells of them. */
  citationsOf(citations: readonly JsonObject[], text: string): JsonObject[] {
    return citations.map((citation) => ({
      source: this.#known.get(sourceOf(citation).key),
      // What is cited stands behind the whole block: Claude begins another where it ends.
      startIndex: 0,
      endIndex: text.length,
      ...optional('citedText', stringOr(citation['cited_text'], undefined)),
    }));
  }
}

type Source =
  | { readonly sourceType: 'url'; readonly url: string; readonly title?: string }
  | { readonly sourceType: 'document'; readonly mediaType: string; readonly title: string };

function sourceOf(citation: JsonObject): { key: string; source: Source } {
  const title = stringOr(citation['title'] ?? citation['document_title'], undefined);
  const url = stringOr(citation['url'] ?? citation['source'], undefined);
  if (url !== undefined && /^https?:\/\//i.test(url))
    return { key: url, source: { sourceType: 'url', url, ...optional('title', title) } };
  const index = citation['document_index'] ?? citation['search_result_index'];
  const place = typeof index === 'number' ? index : 0;
  const mediaType = citation['type'] === 'page_location' ? 'application/pdf' : 'text/plain';
  return {
    key: `${url ?? 'document'} ${place}`,
    source: { sourceType: 'document', mediaType, title: title ?? url ?? `Document ${place + 1}` },
  };
}

function optional<Key extends string>(key: Key, value: string | undefined): { [K in Key]?: string } {
  return value === undefined ? {} : ({ [key]: value } as { [K in Key]?: string });
}
