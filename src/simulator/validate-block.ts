// What a content block must hold beyond the fields it has to have.

import { invalidRequest } from './api-errors.ts';
import { checkCacheControl } from './validate-cache-control.ts';
import type { InputBlock } from './messages-request.ts';
import {
  requireDictionary,
  requireList,
  requireOneOf,
  requireString,
  requireTagged,
  requireText,
  requireValue,
} from './validate-value.ts';

/** `path` is the block's place, as `messages.0.content.1`. Throws an ApiError. */
export function checkBlock(block: InputBlock, path: string): void {
  const inner = `${path}.${block.type}`;
  if (Object.hasOwn(checks, block.type)) checks[block.type]?.(block, inner);
  checkCacheControl(block['cache_control'], `${inner}.cache_control`);
}

type Check = (block: InputBlock, path: string) => void;

const checks: Readonly<Record<string, Check>> = {
  text: checkText,
  thinking: ({ thinking, signature }, path) => {
    requireString(thinking, `${path}.thinking`);
    requireString(signature, `${path}.signature`);
  },
  tool_use: ({ name, input }, path) => {
    requireText(name, `${path}.name`);
    requireDictionary(input, `${path}.input`);
  },
  tool_result: ({ content }, path) => checkResult(content, `${path}.content`),
  image: ({ source }, path) => checkImage(source, `${path}.source`),
  document: ({ source }, path) => {
    requireString(requireTagged(source, `${path}.source`)['type'], `${path}.source.type`);
  },
};

function checkText({ text, cache_control: cacheControl }: InputBlock, path: string): void {
  if (requireString(text, `${path}.text`).trim() !== '') return;
  if (text === '' && cacheControl != null) {
    throw invalidRequest(`${path}: cache_control cannot be set for empty text blocks`);
  }
  const wanted = text === '' ? 'be non-empty' : 'contain non-whitespace text';
  throw invalidRequest(`${path.split('.', 1)[0]}: text content blocks must ${wanted}`);
}

const imageTypes = ['image/jpeg', 'image/png', 'image/gif', 'image/webp'];

function checkImage(value: unknown, path: string): void {
  const source = requireTagged(value, path);
  const type = requireString(source['type'], `${path}.type`);
  if (type === 'base64') {
    requireValue(source['data'], `${path}.base64.data`);
    requireString(source['data'], `${path}.base64.data`);
    requireValue(source['media_type'], `${path}.base64.media_type`);
    requireOneOf(source['media_type'], `${path}.base64.media_type`, imageTypes);
  } else if (type === 'url') requireString(source['url'], `${path}.url.url`);
  else if (type === 'file') requireString(source['file_id'], `${path}.file.file_id`);
  else throw invalidRequest(`${path}: ${unknownTag(type, ['base64', 'file', 'url'])}`);
}

/** What a tool's result may hold. Its texts may be empty. */
const resultTypes = ['document', 'image', 'search_result', 'text', 'tool_reference'];

function checkResult(content: unknown, path: string): void {
  if (content === undefined || typeof content === 'string') return;
  requireList(content, path).forEach((value, index) => {
    const place = `${path}.${index}`;
    const block = requireTagged(value, place);
    const type = requireString(block['type'], `${place}.type`);
    if (!resultTypes.includes(type)) throw invalidRequest(`${place}: ${unknownTag(type, resultTypes)}`);
    if (type === 'text') requireString(block['text'], `${place}.text.text`);
    if (type === 'image') checkImage(block['source'], `${place}.image.source`);
  });
}

/** The API's words for a `type` that is none of those there are. */
export function unknownTag(tag: string, known: readonly string[]): string {
  const tags = known.map((each) => `'${each}'`).join(', ');
  return `Input tag '${tag}' found using 'type' does not match any of the expected tags: ${tags}`;
}
