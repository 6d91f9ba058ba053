// A server in a process of its own that answers every request with the same 200,000 text events, as fast as they are
// read. Started by client.ts; says its port over IPC.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { textTask } from './protocol.ts';

const { chunks } = textTask(0);

const server = createServer((request, response) => {
  request.resume().once('end', () => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    Readable.from(chunks).pipe(response);
  });
}).listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
process.once('disconnect', () => process.exit());
