// How many tokens a request's input can have at most, before upstream has counted them: one for each byte, since no
// token stands for less, and a fixed number for an image.

import type { MessagesBody } from './asked.ts';

export interface InputBound {
  readonly tokens: number;
  /** False when upstream adds what the relay does not see: a document's pages, what an address leads to, a file. */
  readonly isSure: boolean;
}

/** More than the largest image takes. */
const imageTokens = 10_000;

/** What upstream says to the model of its own accord, such as how tools are called. */
const ownTokens = 2_000;

/** Of a document, for each byte of its base64; a guess. */
const documentTokensPerByte = 0.25;

export function inputBound(body: MessagesBody): InputBound {
  const bound = { tokens: ownTokens, isSure: true };
  count(body, bound);
  return bound;
}

/** Values wait in a list, since their depth is the client's choice. */
function count(body: MessagesBody, bound: Bound): void {
  const waiting: Part[] = [{ value: body, isJson: false }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { value, isJson } = next;
    if (typeof value === 'string') bound.tokens += utf8Length(isJson ? JSON.stringify(value) : value);
    else if (typeof value !== 'object' || value === null) bound.tokens += 8;
    else if (isJson || !countInline(value, bound)) addParts(value, isJson, waiting);
    bound.tokens += 8;
  }
}

type Bound = { -readonly [Name in keyof InputBound]: InputBound[Name] };

interface Part {
  readonly value: unknown;
  /** The model reads it as JSON, whatever it looks like: a tool's input, or its schema. */
  readonly isJson: boolean;
}

function addParts(value: object, isJson: boolean, waiting: Part[]): void {
  for (const [name, part] of Object.entries(value)) {
    waiting.push(
      { value: name, isJson },
      { value: part, isJson: isJson || name === 'input' || name === 'tools' },
    );
  }
}

/** An image or a document that stands in the request itself; false for all else. */
function countInline(value: object, bound: Bound): boolean {
  const { type, source } = value as { type?: unknown; source?: { type?: unknown; data?: unknown } | null };
  if (type === 'document' || source?.type === 'url' || source?.type === 'file') bound.isSure = false;
  if ((type !== 'image' && type !== 'document') || source?.type !== 'base64') return false;
  const length = typeof source.data === 'string' ? source.data.length : 0;
  bound.tokens += type === 'image' ? imageTokens : length * documentTokensPerByte;
  return true;
}

/** Bytes of a text in UTF-8, at most: half of a pair counts as a character of its own. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit >= 0x80) bytes += unit >= 0x800 ? 2 : 1;
  }
  return bytes;
}
