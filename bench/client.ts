// The client against the official SDK, whole: from the bytes of a response body to events in a loop. Both get the same
// bytes from a `fetch` in memory, so that neither a server nor a socket is in the figures; and against the least that
// reads the same events, also from a server in a process of its own.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import Anthropic from '@anthropic-ai/sdk';
import { Millrace } from 'millrace/client';
import { measure } from './measure.ts';
import type { AsyncVariant } from './measure.ts';
import { inputTask, Peer, textTask } from './protocol.ts';
import type { BenchResult } from './protocol.ts';

const params = {
  model: 'claude-sonnet-5',
  max_tokens: 1000,
  messages: [{ role: 'user' as const, content: 'Hi' }],
};

export async function benchClient(): Promise<BenchResult[]> {
  const { chunks, ...task } = textTask(65_536);
  const results: BenchResult[] = [];
  const fetch = fetchOf(chunks);
  const official = new Anthropic({ apiKey: 'k', fetch });
  const client = new Millrace({ apiKey: 'k', fetch });
  const create: AsyncVariant[] = [
    {
      name: '@anthropic-ai/sdk, create({stream: true})',
      run: async () => countOf(await official.messages.create({ ...params, stream: true })),
    },
    {
      name: 'Millrace, create({stream: true})',
      run: async () => countOf(await client.messages.create({ ...params, stream: true })),
    },
    { name: 'the body alone, read and thrown away', run: () => drain(fetch) },
  ];
  const stream: AsyncVariant[] = [
    { name: '@anthropic-ai/sdk, stream()', run: async () => countOf(official.messages.stream(params)) },
    { name: 'Millrace, stream()', run: async () => countOf(client.messages.stream(params)) },
    {
      name: 'Millrace, stream(), read a second time',
      run: async () => {
        const stream = client.messages.stream(params);
        return (await countOf(stream)) + (await countOf(stream));
      },
    },
  ];
  for (const { name, target, variants } of [
    { name: 'create', target: 0.75, variants: create },
    { name: 'stream', target: 0.5, variants: stream },
  ]) {
    const how = `200k text events through messages.${name}, 64 KiB chunks`;
    results.push({ ...task, task: how, target, measurements: await measure(variants, 5) });
  }
  return [...results, ...(await benchOverHttp())];
}

const peerName = 'fetch, eventsource-parser and JSON.parse, nothing accumulated';

async function benchOverHttp(): Promise<BenchResult[]> {
  const server = fork(new URL('body-server.ts', import.meta.url), {
    execArgv: ['--conditions=millrace-source'],
  });
  const [port] = (await once(server, 'message')) as [number];
  const address = `http://127.0.0.1:${port}`;
  try {
    return [await benchText(`${address}/text`), await benchInputJson(`${address}/input`)];
  } finally {
    server.disconnect();
  }
}

async function benchText(baseURL: string): Promise<BenchResult> {
  const official = new Anthropic({ apiKey: 'k', baseURL });
  const client = new Millrace({ apiKey: 'k', baseURL });
  const variants: AsyncVariant[] = [
    { name: peerName, run: () => parseAll(baseURL) },
    { name: 'Millrace, stream()', run: async () => countOf(client.messages.stream(params)) },
    { name: '@anthropic-ai/sdk, stream()', run: async () => countOf(official.messages.stream(params)) },
  ];
  const measurements = await measure(variants);
  return { task: '200k text events over HTTP', events: 200_000, target: 1.2, measurements };
}

async function benchInputJson(baseURL: string): Promise<BenchResult> {
  const client = new Millrace({ apiKey: 'k', baseURL });
  const listen = async (): Promise<number> => {
    let length = 0;
    const stream = client.messages.stream(params);
    stream.on('inputJson', (_, input) => {
      length += (input as { code?: string }).code?.length ?? 0;
    });
    await stream.finalMessage();
    return length;
  };
  const measurements = await measure([
    { name: peerName, run: () => parseAll(baseURL) },
    { name: 'Millrace, a listener of inputJson that reads the input so far', run: listen },
  ]);
  const task = '1 MB of tool input over HTTP, to a listener of inputJson';
  return { task, events: inputTask().events, target: 2.5, measurements };
}

async function parseAll(url: string): Promise<number> {
  const peer = new Peer();
  const response = await fetch(url, { method: 'POST', body: '{}' });
  for await (const chunk of response.body ?? []) peer.push(chunk);
  return peer.count;
}

/** Each call answers with the same bytes. */
function fetchOf(chunks: readonly Uint8Array[]): () => Promise<Response> {
  return async () => {
    let index = 0;
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        const chunk = chunks[index];
        index += 1;
        if (chunk === undefined) controller.close();
        else controller.enqueue(chunk);
      },
    });
    return new Response(body as ReadableStream<Uint8Array<ArrayBuffer>>, {
      headers: { 'content-type': 'text/event-stream' },
    });
  };
}

async function countOf(events: AsyncIterable<{ type: string }>): Promise<number> {
  let count = 0;
  for await (const { type } of events) count += type.length;
  return count;
}

async function drain(fetch: () => Promise<Response>): Promise<number> {
  let length = 0;
  for await (const chunk of (await fetch()).body ?? []) length += chunk.length;
  return length;
}
