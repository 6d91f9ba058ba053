// What every Transport does, whatever HTTP stack it stands on.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { ConnectionError, readText, releaseBody } from 'millrace/client';
import type { Transport } from 'millrace/client';
import { cleanEnd, startRawServer, streamResponse } from '../support/raw-server.ts';

async function withServer(listener: RequestListener, use: (url: string) => Promise<void>): Promise<void> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

export function testTransport(name: string, create: () => Transport): void {
  const it = (title: string, run: (transport: Transport) => Promise<void>): void => {
    void test(`${name} ${title}`, () => run(create()));
  };
  const get = { method: 'GET', headers: {} } as const;

  it('sends method, headers and body, and gives status, headers and body of any response', async (transport) => {
    await withServer(
      (request, response) => {
        response.writeHead(418, { 'X-Seen': `${request.method} ${request.url} ${request.headers['x-a']}` });
        request.pipe(response);
      },
      async (url) => {
        const body = 'für 水車';
        const response = await transport({
          method: 'POST',
          url: `${url}/p?q=1`,
          headers: { 'x-a': 'b' },
          body,
        });
        assert.equal(response.status, 418);
        assert.equal(response.headers.get('X-SEEN'), 'POST /p?q=1 b');
        assert.ok([...response.headers.keys()].includes('x-seen'));
        assert.equal(response.headers.get('x-none'), null);
        assert.equal(await readText(response.body, 1000), body);
        assert.equal(await response.body.read(), undefined);
      },
    );
  });

  it('follows no redirect', async (transport) => {
    await withServer(
      (_, response) => response.writeHead(302, { location: 'http://127.0.0.1:9/' }).end(),
      async (url) => {
        const { status, body } = await transport({ ...get, url });
        assert.equal(status, 302);
        await body.cancel();
      },
    );
  });

  it('decodes gzip and brotli', async (transport) => {
    for (const [encoding, compress] of [
      ['gzip', gzipSync],
      ['GZip', gzipSync],
      ['x-gzip', gzipSync],
      ['br', brotliCompressSync],
    ] as const) {
      await withServer(
        (_, response) =>
          response.writeHead(200, { 'content-encoding': encoding }).end(compress('text '.repeat(999))),
        async (url) => {
          const { body } = await transport({ ...get, url });
          assert.equal(await readText(body, 10_000), 'text '.repeat(999));
        },
      );
    }
  });

  it('gives a body as it comes whose encoding it does not know, whatever that is called', async (transport) => {
    for (const encoding of ['identity', 'rot13', 'constructor']) {
      await withServer(
        (_, response) => response.writeHead(200, { 'content-encoding': encoding }).end('text'),
        async (url) => {
          const { body } = await transport({ ...get, url });
          assert.equal(await readText(body, 10), 'text');
        },
      );
    }
  });

  it('gives the bytes as they come, before the response has ended', async (transport) => {
    await using server = await startRawServer(() => ({ bytes: streamResponse('first'), then: 'hold' }));
    const { body } = await transport({ ...get, url: server.url });
    assert.equal(new TextDecoder().decode(await body.read()), 'first');
    await body.cancel();
    await server.clientLeft();
  });

  it('rejects with ConnectionError of the body phase when the response breaks off', async (transport) => {
    for (const then of ['fin', 'rst'] as const) {
      await using server = await startRawServer(() => ({ bytes: streamResponse('first'), then }));
      const { body } = await transport({ ...get, url: server.url });
      await assert.rejects(
        async () => {
          while ((await body.read()) !== undefined);
        },
        (error) => error instanceof ConnectionError && error.phase === 'body',
      );
      await body.cancel();
    }
  });

  it('tells the next read of a response that broke off while nobody read, compressed or not', async (transport) => {
    const gzipped = gzipSync(randomBytes(5000)).subarray(0, 2000);
    const head = `HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n7d0\r\n`;
    const bodies = [streamResponse('first'), Buffer.concat([Buffer.from(head), gzipped])];
    for (const bytes of bodies) {
      await using server = await startRawServer(() => ({ bytes, then: 'rst' }));
      const { body } = await transport({ ...get, url: server.url });
      await server.clientLeft();
      for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate);
      await assert.rejects(
        async () => {
          while ((await body.read()) !== undefined);
        },
        (error) => error instanceof ConnectionError && error.phase === 'body',
      );
    }
  });

  it('tells the next read of an abort that came while nobody read, compressed or not', async (transport) => {
    const gzipped = gzipSync('text '.repeat(999));
    const head = `HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n`;
    const bodies = [streamResponse('first'), Buffer.concat([Buffer.from(head), gzipped])];
    for (const bytes of bodies) {
      await using server = await startRawServer(() => ({ bytes, then: 'hold' }));
      const controller = new AbortController();
      const { body } = await transport({ ...get, url: server.url, signal: controller.signal });
      const reason = new Error('enough');
      controller.abort(reason);
      await server.clientLeft();
      await assert.rejects(body.read(), (error) => error === reason);
    }
  });

  it('rejects with ConnectionError of the connect phase when there is no response', async (transport) => {
    await using server = await startRawServer(() => ({ bytes: '', then: 'fin' }));
    const isRefused = (error: unknown) => error instanceof ConnectionError && error.phase === 'connect';
    await assert.rejects(transport({ ...get, url: server.url }), isRefused);
    await assert.rejects(transport({ ...get, url: 'http://127.0.0.1:9/' }), isRefused);
  });

  it('rejects with the signal’s own reason: before, while it waits, and in the body', async (transport) => {
    const reason = new Error('enough');
    const isReason = (error: unknown) => error === reason;
    await using silent = await startRawServer(() => ({ bytes: '', then: 'hold' }));
    await assert.rejects(transport({ ...get, url: silent.url, signal: AbortSignal.abort(reason) }), isReason);
    const waiting = new AbortController();
    const asked = transport({ ...get, url: silent.url, signal: waiting.signal });
    while (silent.requests.length === 0) await new Promise(setImmediate);
    waiting.abort(reason);
    await assert.rejects(asked, isReason);
    await using server = await startRawServer(() => ({ bytes: streamResponse('first'), then: 'hold' }));
    const reading = new AbortController();
    const { body } = await transport({ ...get, url: server.url, signal: reading.signal });
    await body.read();
    const next = body.read();
    reading.abort(reason);
    await assert.rejects(next, isReason);
    await assert.rejects(body.read(), isReason);
    await server.clientLeft();
  });

  it('harms nobody with an abort after the last byte, however soon after it', async (transport) => {
    for (let waits = 0; waits < 12; waits += 1) {
      await using server = await startRawServer(() => ({
        bytes: streamResponse('all of it') + cleanEnd,
        then: 'fin',
      }));
      const late = new AbortController();
      const { body } = await transport({ ...get, url: server.url, signal: late.signal });
      await body.read();
      const released = releaseBody(body);
      for (let wait = 0; wait < waits; wait += 1) await Promise.resolve();
      late.abort();
      await released;
      await server.clientLeft();
    }
  });

  it('uses a connection again when its body was read or released, also when its end comes late', async (transport) => {
    const sockets = new Set<unknown>();
    await withServer(
      (request, response) => {
        sockets.add(request.socket);
        response.write('content', () => setImmediate(() => response.end()));
      },
      async (url) => {
        for (let count = 0; count < 4; count += 1) {
          const { body } = await transport({ ...get, url });
          await body.read();
          await releaseBody(body);
          await new Promise(setImmediate);
        }
      },
    );
    assert.ok(sockets.size < 4, `${sockets.size} connections for 4 requests`);
  });

  it('reads no further than it is asked to, but for buffers', async (transport) => {
    const chunk = Buffer.alloc(65_536);
    let written = 0;
    await withServer(
      (_, response) => {
        const write = (): void => {
          while (written < 2000 && response.write(chunk)) written += 1;
        };
        response.on('drain', write);
        write();
      },
      async (url) => {
        const { body } = await transport({ ...get, url });
        await body.read();
        let before = -1;
        while (written !== before) {
          before = written;
          for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate);
        }
        assert.ok(written < 1000, `${written} chunks of 64 KiB were taken for one read`);
        await body.cancel();
      },
    );
  });

  it('ends cleanly at the end of a chunked response', async (transport) => {
    await using server = await startRawServer(() => ({
      bytes: streamResponse('all') + cleanEnd,
      then: 'fin',
    }));
    const { body } = await transport({ ...get, url: server.url });
    assert.equal(await readText(body, 100), 'all');
  });
}
