// What a page may ask for. A page runs in the browser of whoever has signed in, so it gets what the operator listed and
// nothing that could cost, fetch or run anything else. Programs use `/v1`, where bodies go up as they are.

import { RequestError } from '../request-error.ts';
import type { MessagesBody } from './asked.ts';
import type { PageRules } from './access-options.ts';
import { modelsIn } from './models-in.ts';

/** They shape the text, or bound it. */
const usualFields = new Set([
  'max_tokens',
  'messages',
  'model',
  'output_config',
  'stop_sequences',
  'stream',
  'temperature',
  'thinking',
  'top_k',
  'top_p',
]);

/** What a page gets that does not say, and all it may ask for where no rule says otherwise. */
export interface PageDefaults {
  readonly model: string;
  readonly maxTokens: number;
}

/** Of a body that may hold images. */
export const maxImageBodyBytes: number = 10 * 1024 * 1024;

/** Throws RequestError for a Messages request that a page may not make; the message names the field. */
export function checkPageBody(
  body: MessagesBody,
  rules: PageRules,
  { model, maxTokens }: PageDefaults,
): void {
  const { models = [model], maxTokens: most = maxTokens, fields = [] } = rules;
  for (const field of Object.keys(body)) {
    if (!usualFields.has(field) && !fields.includes(field))
      throw new RequestError(400, `${JSON.stringify(field)}: pages of this relay may not set it`);
  }
  const { max_tokens: wanted, messages } = body;
  for (const asked of modelsIn(body)) {
    if (!models.includes(asked as string))
      throw new RequestError(400, `model: must be one of ${models.join(', ')}, not ${JSON.stringify(asked)}`);
  }
  if (!Number.isInteger(wanted) || (wanted as number) > most)
    throw new RequestError(400, `max_tokens: must be at most ${most}, not ${JSON.stringify(wanted)}`);
  checkMessages(messages, rules);
}

function checkMessages(messages: unknown, rules: PageRules): void {
  if (!Array.isArray(messages)) throw new RequestError(400, 'messages: must be a list');
  for (const [index, message] of (messages as { role?: unknown }[]).entries()) {
    const isKnown = message?.role === 'user' || message?.role === 'assistant';
    if (!isKnown && rules.fields?.includes('system') !== true)
      throw new RequestError(400, `messages.${index}.role: must be user or assistant`);
  }
  visit(messages, (value) => checkSource(value, rules), partsOf);
}

/** A block, or what stands in one. */
interface Part {
  readonly type?: unknown;
  readonly source?: unknown;
  readonly input?: unknown;
}

/** All that upstream may look at: the input of a call is the tool's own, whatever its fields are called. */
function partsOf(part: Part): unknown[] {
  const isCall = typeof part.type === 'string' && part.type.endsWith('_use');
  return Object.values(isCall ? { ...part, input: undefined } : part);
}

/** Of an image or a document. */
interface Source {
  readonly type?: unknown;
  readonly url?: unknown;
}

const sourceTypes: ReadonlySet<unknown> = new Set(['base64', 'content', 'text']);

/** An address would be fetched by upstream: it can carry away what was said. A file is of the relay's whole account. */
function checkSource(value: Part, { urlHosts = [] }: PageRules): void {
  const { type: kind, source } = value;
  if (kind === 'container_upload')
    throw new RequestError(400, 'type: pages of this relay may not use "container_upload"');
  if (typeof source !== 'object' || source === null) return;
  const { type, url } = source as Source;
  if (sourceTypes.has(type)) return;
  if (type !== 'url')
    throw new RequestError(400, `source.type: pages of this relay may not use ${JSON.stringify(type)}`);
  if (isListed(url, urlHosts)) return;
  const allowed = urlHosts.length === 0 ? 'no address' : `only https from ${urlHosts.join(', ')}`;
  throw new RequestError(400, `source.url: pages of this relay may have ${allowed} fetched`);
}

function isListed(url: unknown, hosts: readonly string[]): boolean {
  if (typeof url !== 'string' || !URL.canParse(url)) return false;
  const { protocol, hostname, username, port } = new URL(url);
  return protocol === 'https:' && username === '' && port === '' && hosts.includes(hostname);
}

/** How deep a body may be nested: far beyond any request, far below what fills a stack. */
const maxDepth = 64;

/** Throws RequestError for a value that is nested too deep. */
export function checkDepth(value: unknown): void {
  visit(value, (_value, depth) => {
    if (depth > maxDepth) throw new RequestError(400, `The request body is nested deeper than ${maxDepth}`);
  });
}

/** Every object and list in a value, without recursion: its depth is the client's choice. */
function visit(
  value: unknown,
  see: (value: object, depth: number) => void,
  innerOf: (value: object) => unknown[] = Object.values,
): void {
  const rest: { readonly value: unknown; readonly depth: number }[] = [{ value, depth: 1 }];
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    const { value: each, depth } = next;
    if (typeof each !== 'object' || each === null) continue;
    see(each, depth);
    for (const inner of innerOf(each)) rest.push({ value: inner, depth: depth + 1 });
  }
}
