// A server that is measured, in a process of its own, so that its CPU time and memory are its own.

import { LLMock } from '@copilotkit/aimock';
import { startSimulator } from 'millrace/simulator';

/** What the parent may say. `answer` is what the peer answers with, in slices of so many characters. */
export type ToServer =
  | {
      readonly type: 'start';
      readonly server: ServerName;
      readonly answer: string;
      readonly sliceLength: number;
    }
  | { readonly type: 'measure'; readonly isAfterCollection: boolean };

export type FromServer =
  | { readonly type: 'started'; readonly ports: readonly number[] }
  | {
      readonly type: 'measured';
      readonly cpuMs: number;
      readonly rssBytes: number;
      readonly heapBytes: number;
    };

export type ServerName = keyof typeof servers;

type Start = Extract<ToServer, { type: 'start' }>;

const servers = {
  simulator: async () => [(await startSimulator({ speed: 0 })).port],
  /** One that paces, and one that does not and answers with this text. */
  both: async ({ answer, sliceLength }: Start) => {
    const recording = toRecording(answer, sliceLength);
    return [(await startSimulator()).port, (await startSimulator({ speed: 0, replay: recording })).port];
  },
  aimock: async ({ answer, sliceLength }: Start) => {
    const mock = new LLMock({ port: 0, latency: 0, chunkSize: sliceLength, logLevel: 'silent' });
    mock.onMessage(/./, { content: answer });
    return [Number(new URL(await mock.start()).port)];
  },
};

function toRecording(answer: string, sliceLength: number): Uint8Array {
  const frames: string[] = [];
  for (let start = 0; start < answer.length; start += sliceLength) {
    const delta = { type: 'text_delta', text: answer.slice(start, start + sliceLength) };
    const data = JSON.stringify({ type: 'content_block_delta', index: 0, delta });
    frames.push(`event: content_block_delta\ndata: ${data}\n\n`);
  }
  return Buffer.from(frames.join(''));
}

const replies = {
  start: async (message: Start): Promise<FromServer> => ({
    type: 'started',
    ports: await servers[message.server](message),
  }),
  measure: ({ isAfterCollection }: Extract<ToServer, { type: 'measure' }>): FromServer => {
    if (isAfterCollection) globalThis.gc?.();
    const { user, system } = process.cpuUsage();
    const { rss: rssBytes, heapUsed: heapBytes } = process.memoryUsage();
    return { type: 'measured', cpuMs: (user + system) / 1000, rssBytes, heapBytes };
  },
};

async function reply(message: ToServer): Promise<void> {
  // The table has for each type the function that takes it.
  process.send?.(await (replies[message.type] as (message: ToServer) => Promise<FromServer>)(message));
}

process.on('message', (message: ToServer) => void reply(message));
process.once('disconnect', () => process.exit());
