// `millrace record`: a proxy in front of the Messages API that writes down what passes.

import { join } from 'node:path';

import { startRecorder } from '../simulator/index.ts';
import type { RecordedExchange } from '../simulator/index.ts';
import { ignoreClosedOutput, note } from './note.ts';
import { reportStartFailure } from './report-start-failure.ts';
import { untilSignal } from './until-signal.ts';
import { checkedAddress } from './upstream-address.ts';

export const defaultUpstream = 'https://api.anthropic.com';

export interface RecordOptions {
  readonly port: number;
  readonly upstream: string;
  readonly out: string;
}

export async function record({ port, upstream, out }: RecordOptions): Promise<number> {
  ignoreClosedOutput();
  try {
    const address = checkedAddress(upstream || defaultUpstream);
    const recorder = await startRecorder({
      port,
      upstream: address,
      out,
      onExchange: (exchange) => note(describe(exchange, out)),
      onError: (error) => note(`millrace record: ${error.message}`),
    });
    const ended = untilSignal(() => recorder.close());
    process.stdout.write(`listening on ${recorder.url}\n`);
    process.stdout.write(`recording ${address} to ${out}\n`);
    await ended;
    return 0;
  } catch (error) {
    return reportStartFailure(error, 'record');
  }
}

function describe(exchange: RecordedExchange, out: string): string {
  const { method, path, status, events, bytes, ms, ended, file } = exchange;
  const place = file === undefined ? 'not recorded' : join(out, file);
  return `${method} ${path} ${status ?? '-'} ${events} events ${bytes} bytes ${ms} ms ${ended} ${place}`;
}
