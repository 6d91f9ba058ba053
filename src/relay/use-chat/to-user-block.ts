// A part of a user's message as a block of the Messages API.

import { isJsonObject } from '../json-object.ts';
import type { JsonObject } from '../json-object.ts';
import { RequestError } from '../request-error.ts';

/** Undefined for a part that says Claude nothing. Throws RequestError for a file that Claude cannot be sent; `place`
 * names it. */
export function toUserBlock(part: JsonObject, place: string): JsonObject | undefined {
  const { type, text } = part;
  if (type === 'text') return typeof text === 'string' && text.trim() !== '' ? { type, text } : undefined;
  return type === 'file' ? fileBlock(part, place) : undefined;
}

function fileBlock(part: JsonObject, place: string): JsonObject {
  const { mediaType, filename, providerReference } = part;
  const file = toFile(part, place);
  const fileId = isJsonObject(providerReference) ? providerReference['anthropic'] : undefined;
  const type = file.mediaType || String(mediaType);
  const isImage = type.startsWith('image');
  const title = !isImage && typeof filename === 'string' && filename !== '' ? { title: filename } : {};
  const source = typeof fileId === 'string' ? { type: 'file', file_id: fileId } : sourceOf(file, type);
  if (source !== undefined) return { type: isImage ? 'image' : 'document', source, ...title };
  throw new RequestError(
    400,
    `${place}: a file of the type ${JSON.stringify(type)} cannot be sent to Claude`,
  );
}

interface File {
  /** Empty where the file does not say. */
  readonly mediaType: string;
  /** One of these, or none. */
  readonly url?: string;
  readonly base64?: string;
  readonly text?: string;
}

function toFile({ url, mediaType }: JsonObject, place: string): File {
  const declared = typeof mediaType === 'string' ? mediaType.toLowerCase() : '';
  if (typeof url !== 'string' || url === '') return { mediaType: declared };
  if (/^https?:\/\//i.test(url)) return { mediaType: declared, url };
  const data = /^data:([^,;]*)([^,]*),/i.exec(url);
  if (data === null)
    throw new RequestError(400, `${place}.url: must be a data URL, or begin with http:// or https://`);
  const [start, type = '', parameters = ''] = data;
  const content = url.slice(start.length);
  const isBase64 = /;\s*base64\s*$/i.test(parameters);
  const held = isBase64 ? { base64: content } : { text: unescaped(content, place) };
  return { mediaType: type.toLowerCase() || declared, ...held };
}

/** Undefined where the API has no source of that kind. */
function sourceOf({ url, base64, text }: File, type: string): JsonObject | undefined {
  const isBinary = type.startsWith('image') || type === 'application/pdf';
  if (url !== undefined) return isBinary ? { type: 'url', url } : undefined;
  if (isBinary) return base64 === undefined ? undefined : { type: 'base64', media_type: type, data: base64 };
  if (!type.startsWith('text/') && type !== 'application/json') return undefined;
  const data = text ?? decoded(base64 ?? '');
  return data === undefined || data.trim() === ''
    ? undefined
    : { type: 'text', media_type: 'text/plain', data };
}

function unescaped(text: string, place: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new RequestError(400, `${place}.url: is no sound data URL`);
  }
}

/** Undefined for what is no text. */
function decoded(base64: string): string | undefined {
  try {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
