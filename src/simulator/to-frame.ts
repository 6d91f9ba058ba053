// Events as bytes, with the padding by which the API hides how long a delta is.

import { encodeSse } from '../protocol/index.ts';
import type { KnownStreamEvent } from '../protocol/index.ts';
import { FrameSlab } from './frame-slab.ts';
import { drawInteger } from './random.ts';
import type { Random } from './random.ts';

/** Recorded pings have a space after the colon and no padding. */
export const pingFrame = 'event: ping\ndata: {"type": "ping"}\n\n';

/** What an event's frame ends with: the place of the padding is before it. */
const end = '}\n\n';
const paddings = Array.from({ length: 16 }, (_, length) => ' '.repeat(length));

/** The frame of an event with 0 to 15 spaces, each length as often, before the last brace of its JSON. */
export function toFrame(event: KnownStreamEvent, random: Random): Uint8Array {
  if (event.type === 'ping') return Buffer.from(pingFrame);
  const padding = drawInteger(random, 0, paddings.length - 1);
  return (
    toTextFrame(event, padding) ?? Buffer.from(encodeSse(event).slice(0, -end.length) + paddedEnd(padding))
  );
}

function paddedEnd(padding: number): string {
  return (paddings[padding] ?? '') + end;
}

// Most of a stream are deltas of text. Their bytes are what encodeSse gives, in a fraction of its time: what stands
// around the text is always the same.

const slab = new FrameSlab();
const textEnds = paddings.map((_, padding) => Buffer.from(`"}${paddedEnd(padding)}`));
const textHeads = {
  text_delta: headsOf('text_delta', 'text'),
  thinking_delta: headsOf('thinking_delta', 'thinking'),
  input_json_delta: headsOf('input_json_delta', 'partial_json'),
};

/** Undefined for an event that is no delta of text. */
function toTextFrame(event: KnownStreamEvent, padding: number): Uint8Array | undefined {
  if (event.type !== 'content_block_delta') return undefined;
  const { index, delta } = event;
  const textEnd = textEnds[padding] ?? Buffer.alloc(0);
  if (delta.type === 'text_delta')
    return slab.write(textHeads.text_delta(index), escape(delta.text), textEnd);
  if (delta.type === 'thinking_delta') {
    return slab.write(textHeads.thinking_delta(index), escape(delta.thinking), textEnd);
  }
  if (delta.type !== 'input_json_delta') return undefined;
  return slab.write(textHeads.input_json_delta(index), escape(delta.partial_json), textEnd);
}

/** The frame of a delta up to its text, by the index of its block. */
function headsOf(type: string, field: string): (index: number) => Uint8Array {
  const heads: Uint8Array[] = [];
  return (index) =>
    (heads[index] ??= Buffer.from(
      `event: content_block_delta\ndata: {"type":"content_block_delta","index":${index},` +
        `"delta":{"type":"${type}","${field}":"`,
    ));
}

/** What JSON may escape: control characters, quotes, backslashes, halves of surrogate pairs; and all but line feeds. */
const escaped = /[^ !#-[\]-\ud7ff\ue000-\uffff]/;
const escapedButLineFeed = /[^\n !#-[\]-\ud7ff\ue000-\uffff]/;

/** The text as it stands between the quotes of a JSON string. */
function escape(text: string): string {
  if (!escaped.test(text)) return text;
  if (escapedButLineFeed.test(text)) return JSON.stringify(text).slice(1, -1);
  return text.replaceAll('\n', String.raw`\n`);
}
