// One server of `bench/simulator.ts`, in a process of its own, so that its CPU time is its own.

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
  | { readonly type: 'measure' };

export type FromServer =
  | { readonly type: 'started'; readonly port: number }
  | { readonly type: 'measured'; readonly cpuMs: number; readonly rssBytes: number };

export type ServerName = keyof typeof servers;

type Start = Extract<ToServer, { type: 'start' }>;

const servers = {
  simulator: async () => (await startSimulator({ speed: 0 })).port,
  aimock: async ({ answer, sliceLength }: Start) => {
    const mock = new LLMock({ port: 0, latency: 0, chunkSize: sliceLength, logLevel: 'silent' });
    mock.onMessage(/./, { content: answer });
    return Number(new URL(await mock.start()).port);
  },
};

const replies = {
  start: async (message: Start): Promise<FromServer> => ({
    type: 'started',
    port: await servers[message.server](message),
  }),
  measure: (): FromServer => {
    const { user, system } = process.cpuUsage();
    return { type: 'measured', cpuMs: (user + system) / 1000, rssBytes: process.memoryUsage.rss() };
  },
};

async function reply(message: ToServer): Promise<void> {
  // The table has for each type the function that takes it.
  process.send?.(await (replies[message.type] as (message: ToServer) => Promise<FromServer>)(message));
}

process.on('message', (message: ToServer) => void reply(message));
process.once('disconnect', () => process.exit());
