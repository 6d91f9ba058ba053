// What an answer can cite: passages of the documents and search results of a request that have citations switched on,
// each with its place as the API says it.

import type { JsonObject } from './json-object.ts';
import type { InputBlock, MessagesRequest, Turn } from './messages-request.ts';
import { isObject } from './validate-value.ts';

export interface Passage {
  /** In the wire's own spelling. Its `cited_text` stands in the source at the place it names. */
  readonly citation: JsonObject & { readonly cited_text: string };
}

/** Of each source. */
const mostPassages = 2;
/** A longer sentence is not cited: it may be no sentence. */
const longestSentence = 500;

/** The first passages of each source, in the order of the sources in the request. */
export function passagesOf({ turns }: MessagesRequest): Passage[] {
  const blocks = turns.flatMap(({ content }) => content.flatMap(withInner));
  const documents = blocks.filter(({ type }) => type === 'document');
  const results = blocks.filter(({ type }) => type === 'search_result');
  return [
    ...documents.flatMap((document, index) => (isCitable(document) ? inDocument(document, index) : [])),
    ...results.flatMap((result, index) => (isCitable(result) ? inSearchResult(result, index) : [])),
  ];
}

/** Whether the turn brings something to cite. */
export function hasCitable(turn: Turn | undefined): boolean {
  return turn?.content.flatMap(withInner).some(isCitable) === true;
}

/** A block, and those inside it where it is a tool's result. */
function withInner(block: InputBlock): InputBlock[] {
  const { type, content } = block;
  return type === 'tool_result' && Array.isArray(content) ? [block, ...content.filter(isBlock)] : [block];
}

function isBlock(value: unknown): value is InputBlock {
  return isObject(value) && typeof value['type'] === 'string';
}

function isCitable({ type, citations }: InputBlock): boolean {
  const isSource = type === 'document' || type === 'search_result';
  return isSource && isObject(citations) && citations['enabled'] === true;
}

function inDocument({ source, title }: InputBlock, index: number): Passage[] {
  if (!isObject(source)) return [];
  const document = { document_index: index, document_title: typeof title === 'string' ? title : null };
  const { type, data, content } = source;
  if (type === 'text' && typeof data === 'string') return inText(data, document);
  if (type === 'content') return inBlocks(content, 'content_block_location', document);
  return [inPages(document)];
}

/** By characters as the API counts them: a pair of surrogates is one. */
function inText(data: string, document: JsonObject): Passage[] {
  const passages: Passage[] = [];
  for (const { 0: sentence, index } of data.matchAll(/\S(?:[^.!?\n]|[.!?](?!\s|$))*(?:[.!?]+\s*|\n+|$)/g)) {
    if (passages.length === mostPassages) break;
    if (sentence.length > longestSentence) continue;
    const start = countCharacters(data.slice(0, index));
    passages.push({
      citation: {
        type: 'char_location',
        cited_text: sentence,
        ...document,
        start_char_index: start,
        end_char_index: start + countCharacters(sentence),
      },
    });
  }
  return passages;
}

function countCharacters(text: string): number {
  const pairs = text.match(/[\uD800-\uDBFF][\uDC00-\uDFFF]/g) ?? [];
  return text.length - pairs.length;
}

/** Blocks are cited whole; the last index is the first that is not cited. */
function inBlocks(content: unknown, type: string, source: JsonObject): Passage[] {
  const given = typeof content === 'string' ? [{ type: 'text', text: content }] : content;
  const blocks = Array.isArray(given) ? (given as unknown[]) : [];
  return blocks
    .flatMap((block, index) => {
      const text = isObject(block) && typeof block['text'] === 'string' ? block['text'] : '';
      const place = { start_block_index: index, end_block_index: index + 1 };
      return text === '' ? [] : [{ citation: { type, cited_text: text, ...source, ...place } }];
    })
    .slice(0, mostPassages);
}

/** A document in another form is not read here: the text says so, and stands for the text of its first page. */
function inPages(document: JsonObject): Passage {
  return {
    citation: {
      type: 'page_location',
      cited_text: 'The simulator does not read this document.',
      ...document,
      start_page_number: 1,
      end_page_number: 2,
    },
  };
}

function inSearchResult({ source, title, content }: InputBlock, index: number): Passage[] {
  return inBlocks(content, 'search_result_location', { source, title, search_result_index: index });
}
