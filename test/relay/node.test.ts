// The relay on node:http: what the sockets see.

import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { test } from 'node:test';
import { startRelayServer } from '../../src/relay/node.ts';
import type { ServedRelay } from '../../src/relay/node.ts';
import { turnsUntil } from '../support/turns.ts';

function relayWith(body: AsyncIterable<string>): ServedRelay {
  return {
    hasKeys: false,
    handle: async () => ({ status: 200, headers: {}, body }),
    start: async () => undefined,
    drain: async () => undefined,
    close: async () => undefined,
  };
}

test('a response that breaks closes its connection, tells the operator and harms no other', async () => {
  const errors: unknown[] = [];
  async function* breaking(): AsyncGenerator<string> {
    yield 'begun';
    throw new Error('a fault');
  }
  const relay = relayWith(breaking());
  await using server = await startRelayServer(relay, { port: 0, onError: (error) => errors.push(error) });
  const response = await fetch(server.url);
  await assert.rejects(response.text());
  assert.match(String(errors), /a fault/);
  relay.handle = () => Promise.reject(new Error('another'));
  await assert.rejects(fetch(server.url));
  assert.match(String(errors), /another/);
});

test('a client that does not read holds back its own stream, and the server keeps next to nothing for it', async () => {
  const piece = 'x'.repeat(64 * 1024);
  const pieces = 1000;
  const begun = Promise.withResolvers<ServerResponse>();
  const start = (message: unknown): void => begun.resolve((message as { response: ServerResponse }).response);
  subscribe('http.server.request.start', start);
  let largest = 0;
  let given = 0;
  async function* body(): AsyncGenerator<string> {
    const response = await begun.promise;
    for (; given < pieces; given += 1) {
      largest = Math.max(largest, response.writableLength);
      yield piece;
    }
  }
  await using server = await startRelayServer(relayWith(body()), { port: 0 });
  const socket = connect(server.port, '127.0.0.1');
  socket.pause();
  socket.write('GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n');
  const response = await begun.promise;
  unsubscribe('http.server.request.start', start);
  // What the system keeps for a socket is some megabytes: far less than there is to send.
  let turnsOfRest = 0;
  let seen = -1;
  await turnsUntil(() => {
    turnsOfRest = seen === given ? turnsOfRest + 1 : 0;
    seen = given;
    return turnsOfRest === 100 || given === pieces;
  });
  assert.ok(given < pieces, 'the stream waits for its reader');
  let received = 0;
  socket.on('data', (bytes) => {
    received += bytes.length;
  });
  socket.resume();
  await once(socket, 'close');
  assert.equal(given, pieces);
  assert.ok(received > pieces * piece.length);
  assert.ok(largest <= response.writableHighWaterMark, `${largest} bytes were kept`);
});

test('bytes that are no request end a connection, and get no answer within that to the request before', async () => {
  const held = Promise.withResolvers<void>();
  async function* body(): AsyncGenerator<string> {
    yield 'begun';
    await held.promise;
  }
  await using server = await startRelayServer(relayWith(body()), { port: 0 });
  const socket = connect(server.port, '127.0.0.1').setEncoding('utf8');
  socket.on('error', () => undefined);
  socket.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n');
  let text = '';
  for await (const piece of socket as AsyncIterable<string>) {
    text += piece;
    if (text.includes('begun')) socket.write('\u0000 this is no request\r\n\r\n');
  }
  held.resolve();
  assert.match(text, /^HTTP\/1\.1 200 [^]*begun\r\n$/);
});

test('a request whose client goes in its middle leaves no timer behind', async () => {
  const relay = relayWith(
    (async function* () {
      yield '';
    })(),
  );
  const read = Promise.withResolvers<unknown>();
  relay.handle = async (request) => {
    read.resolve(await request.readBody(1000).catch((error: unknown) => error));
    return { status: 400, headers: {}, body: '' };
  };
  await using server = await startRelayServer(relay, { port: 0 });
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const before = timers();
  const socket = connect(server.port, '127.0.0.1');
  socket.write('POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\n{', () => socket.destroy());
  assert.match(String(await read.promise), /broke off/);
  for (let turns = 0; turns < 5; turns += 1) await new Promise(setImmediate);
  assert.equal(timers(), before);
});
