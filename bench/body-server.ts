// A server in a process of its own that answers as fast as it is read: every request below `/text` with the same
// 200,000 text events, every other with 1 MB of tool input. Started by client.ts; says its port over IPC.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { inputTask, textTask } from './protocol.ts';

const text = textTask(0).chunks;
const input = inputTask(0).chunks;

const server = createServer((request, response) => {
  request.resume().once('end', () => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    Readable.from(request.url?.startsWith('/text') === true ? text : input).pipe(response);
  });
}).listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
process.once('disconnect', () => process.exit());
