// The protocol core against what others put in its place: eventsource-parser and JSON.parse, without any
// accumulation. The streams have the wire's bytes: padding of 0 to 15 spaces, delta sizes as recorded.

import { createParser } from 'eventsource-parser';
import { MessageAccumulator, parseStreamEvent, SseDecoder, StreamEventDecoder } from 'millrace/protocol';
import type { StreamEvent } from 'millrace/protocol';
import { measure } from './measure.ts';
import type { Measurement, Variant } from './measure.ts';

export interface Task {
  readonly task: string;
  readonly events: number;
  /** The most that the second line may cost, as a multiple of the first. */
  readonly target: number;
}

export interface BenchResult extends Task {
  /** The peer first, then ours. */
  readonly measurements: readonly Measurement[];
}

export async function benchProtocol(): Promise<BenchResult[]> {
  const results: BenchResult[] = [];
  for (const { chunks, ...task } of [textTask(65_536), textTask(0), inputTask()]) {
    results.push({ ...task, measurements: await measure(variantsOf(chunks)) });
  }
  return results;
}

function variantsOf(chunks: readonly Uint8Array[]): Variant[] {
  return [
    { name: 'eventsource-parser + JSON.parse, nothing accumulated', run: () => runPeer(chunks) },
    {
      name: 'StreamEventDecoder + MessageAccumulator, message read at every event',
      run: () => runFused(chunks),
    },
    { name: 'SseDecoder + parseStreamEvent + MessageAccumulator', run: () => runLayered(chunks) },
  ];
}

function runPeer(chunks: readonly Uint8Array[]): number {
  const peer = new Peer();
  for (const chunk of chunks) peer.push(chunk);
  return peer.count;
}

/** What most write by hand: eventsource-parser and JSON.parse. */
export class Peer {
  count = 0;
  readonly #decoder = new TextDecoder();
  readonly #parser = createParser({
    onEvent: ({ data }) => {
      this.count += (JSON.parse(data) as StreamEvent).type.length;
    },
  });

  push(chunk: Uint8Array): void {
    this.#parser.feed(this.#decoder.decode(chunk, { stream: true }));
  }
}

function runFused(chunks: readonly Uint8Array[]): number {
  const decoder = new StreamEventDecoder();
  const accumulator = new MessageAccumulator();
  let read = 0;
  for (const chunk of chunks) {
    for (const event of decoder.push(chunk)) {
      accumulator.push(event);
      read += readMessage(accumulator);
    }
  }
  return read;
}

function runLayered(chunks: readonly Uint8Array[]): number {
  const decoder = new SseDecoder();
  const accumulator = new MessageAccumulator();
  let read = 0;
  for (const chunk of chunks) {
    for (const sse of decoder.push(chunk)) {
      accumulator.push(parseStreamEvent(sse));
      read += readMessage(accumulator);
    }
  }
  return read;
}

/** What a page does at every event: looks at the last block as it is now. */
function readMessage({ message }: MessageAccumulator): number {
  const block = message?.content.at(-1);
  if (block?.type === 'text') return block.text.length;
  if (block?.type !== 'tool_use') return 0;
  const { code } = block.input as { code?: string };
  return code?.length ?? 0;
}

/** 200,000 text deltas, in chunks of `chunkBytes`; 0 for one event a chunk, as a model's pace gives. */
export function textTask(chunkBytes: number): Task & { chunks: Uint8Array[] } {
  const events = 200_000;
  const random = sequence(7);
  const frames = [...frame(messageStart), ...frame(blockStart({ type: 'text', text: '' }))];
  for (let count = 0; count < events; count += 1) frames.push(...frame(delta(textDelta(random)), random));
  frames.push(...ending(random));
  const how = chunkBytes === 0 ? 'one event a chunk' : `chunks of ${chunkBytes / 1024} KiB`;
  return { task: `200k text events, ${how}`, events, target: 1, chunks: cut(frames, chunkBytes) };
}

/** One megabyte of tool input in deltas of 20 bytes, in chunks of `chunkBytes`; 0 for one event a chunk. */
export function inputTask(chunkBytes = 65_536): Task & { chunks: Uint8Array[] } {
  const random = sequence(11);
  const lines = Array.from({ length: 26_000 }, (_, line) => `const value${line} = "${words(random, 3)}";`);
  const input = JSON.stringify({ path: 'src/main.ts', code: lines.join('\n').slice(0, 950_000) });
  const tool = { type: 'tool_use', id: 'toolu_01', name: 'write_file', input: {} } as const;
  const frames = [...frame(messageStart), ...frame(blockStart(tool))];
  let events = 0;
  for (let start = 0; start < input.length; start += 20) {
    const partial_json = input.slice(start, start + 20);
    frames.push(...frame(delta({ type: 'input_json_delta', partial_json }), random));
    events += 1;
  }
  frames.push(...ending(random));
  return {
    task: '1 MB of tool input in 20-byte deltas',
    events,
    target: 2.5,
    chunks: cut(frames, chunkBytes),
  };
}

function ending(random: () => number): string[] {
  const events: StreamEvent[] = [
    { type: 'content_block_stop', index: 0 },
    messageDelta,
    { type: 'message_stop' },
  ];
  return events.flatMap((event) => frame(event, random));
}

const messageStart: StreamEvent = {
  type: 'message_start',
  message: {
    id: 'msg_01',
    type: 'message',
    role: 'assistant',
    model: 'claude-sonnet-5',
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: { input_tokens: 10, output_tokens: 1 },
  },
};

const messageDelta: StreamEvent = {
  type: 'message_delta',
  delta: { stop_reason: 'end_turn', stop_sequence: null },
  usage: { output_tokens: 200_000 },
};

function blockStart(content_block: Extract<StreamEvent, { type: 'content_block_start' }>['content_block']) {
  return { type: 'content_block_start', index: 0, content_block } satisfies StreamEvent;
}

function delta(value: Extract<StreamEvent, { type: 'content_block_delta' }>['delta']) {
  return { type: 'content_block_delta', index: 0, delta: value } satisfies StreamEvent;
}

/** About one delta in ten holds a line break or a quote, which JSON escapes. */
function textDelta(random: () => number) {
  const text = words(random, 1 + Math.floor(random() * 4));
  return { type: 'text_delta', text: random() < 0.1 ? `${text}\n"` : text } as const;
}

function words(random: () => number, count: number): string {
  const vocabulary = ['the', 'water', 'turns', 'wheel', 'mill', 'über', 'stream', 'carries', 'grain', 'and'];
  return Array.from({ length: count }, () => ` ${vocabulary[Math.floor(random() * 10)]}`).join('');
}

function frame(event: StreamEvent, random?: () => number): string[] {
  const padding = random === undefined ? '' : ' '.repeat(Math.floor(random() * 16));
  return [`event: ${event.type}\ndata: ${JSON.stringify(event).slice(0, -1)}${padding}}\n\n`];
}

function cut(frames: readonly string[], chunkBytes: number): Uint8Array[] {
  const encoder = new TextEncoder();
  if (chunkBytes === 0) return frames.map((text) => encoder.encode(text));
  const bytes = encoder.encode(frames.join(''));
  const chunks: Uint8Array[] = [];
  for (let start = 0; start < bytes.length; start += chunkBytes)
    chunks.push(bytes.slice(start, start + chunkBytes));
  return chunks;
}

/** Mulberry32: the same numbers at every run. */
function sequence(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
