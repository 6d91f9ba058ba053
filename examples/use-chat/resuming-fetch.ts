// A `fetch` for the AI SDK's transports that lasts as long as the answer: where the connection breaks, or the relay is
// replaced by another one, it asks for the rest behind the last frame it has had. `useChat` sees one response.

export interface ResumingFetchOptions {
  /** Default: the page's own. */
  readonly fetch?: typeof fetch;
  /** How long it waits before each new try, in milliseconds; what comes makes it begin anew. Past the last one the answer
   * breaks off for `useChat` too. */
  readonly delaysMs?: readonly number[];
}

const usualDelaysMs = [250, 500, 1000, 2000, 4000, 8000, 8000, 8000];

export function createResumingFetch(options: ResumingFetchOptions = {}): typeof fetch {
  const { fetch: ask = globalThis.fetch, delaysMs = usualDelaysMs } = options;
  return async (input, init) => {
    const response = await ask(input, init);
    const id = response.headers.get('x-stream-id');
    if (!response.ok || response.body === null || id === null) return response;
    const signal = init?.signal ?? undefined;
    const follow = (after: string | undefined): Promise<Response> =>
      ask(streamUrl(addressOf(input), id), {
        headers: {
          ...plainHeaders(init?.headers),
          ...(after === undefined ? {} : { 'last-event-id': after }),
        },
        credentials: init?.credentials ?? 'same-origin',
        ...(signal === undefined ? {} : { signal }),
      });
    const body = resumed(response.body, { follow, delaysMs, signal });
    return new Response(toStream(body), response);
  };
}

interface Resuming {
  readonly follow: (after: string | undefined) => Promise<Response>;
  readonly delaysMs: readonly number[];
  readonly signal: AbortSignal | undefined;
}

/** The frames of an answer up to its end, by as many connections as it takes. Throws a TypeError, as `fetch` does, when
 * there is none to be had, and the signal's reason. */
async function* resumed(
  first: ReadableStream<Uint8Array>,
  { follow, delaysMs, signal }: Resuming,
): AsyncGenerator<string> {
  let body: ReadableStream<Uint8Array> | undefined = first;
  let after: string | undefined;
  for (let tries = 0; ; tries += 1) {
    for await (const { text, id, isEnd } of piecesOf(body)) {
      yield text;
      if (isEnd) return;
      if (id === undefined) continue;
      after = id;
      tries = 0;
    }
    await pause(delaysMs[tries], signal);
    const response = await follow(after).catch(() => undefined);
    if (response?.status === 204) return;
    body = bodyOf(response);
  }
}

async function pause(delayMs: number | undefined, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  if (delayMs === undefined) throw new TypeError('network error: the answer could not be followed');
  await new Promise((resolve) => setTimeout(resolve, delayMs));
  signal?.throwIfAborted();
}

/** Undefined where another try may help. Throws a TypeError where none will. */
function bodyOf(response: Response | undefined): ReadableStream<Uint8Array> | undefined {
  if (response === undefined || isPassing(response.status)) return undefined;
  if (response.ok && response.body !== null) return response.body;
  throw new TypeError(`network error: the answer cannot be followed any more (${response.status})`);
}

/** Of a relay that starts, is full, or is not there yet. */
function isPassing(status: number): boolean {
  return status >= 500 || status === 408 || status === 429;
}

interface Piece {
  readonly text: string;
  /** The place in the log, of what is part of it. */
  readonly id: string | undefined;
  readonly isEnd: boolean;
}

/** What a connection gives, as far as it goes: parts are passed on with the id of the last one, so that none comes twice
 * and none is left out. Ends quietly where the connection does, and where the relay says that it goes. */
async function* piecesOf(body: ReadableStream<Uint8Array> | undefined): AsyncGenerator<Piece> {
  if (body === undefined) return;
  let held = '';
  for await (const frame of framesOf(body)) {
    if (frame.startsWith(': reconnect')) return;
    if (frame.startsWith(':')) {
      yield { text: frame, id: undefined, isEnd: false };
      continue;
    }
    held += frame;
    const id = /^id: ?(.+)$/m.exec(frame)?.[1];
    const isEnd = /^data: ?\[DONE\]$/m.test(frame);
    if (id === undefined && !isEnd) continue;
    yield { text: held, id, isEnd };
    held = '';
  }
}

async function* framesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for (;;) {
      const { done, value } = await reader.read().catch(() => ({ done: true as const, value: undefined }));
      if (done) return;
      const parts = (rest + decoder.decode(value, { stream: true })).split('\n\n');
      rest = parts.pop() ?? '';
      for (const part of parts) yield `${part}\n\n`;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

function toStream(texts: AsyncGenerator<string>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      const { done, value } = await texts.next();
      if (done === true) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
    cancel: async () => {
      await texts.return(undefined);
    },
  });
}

/** `/streams/<id>` beside the `/api/chat` that was asked, in the same version. */
function streamUrl(asked: string, id: string): string {
  const [path = '', query] = asked.split('?');
  const version = new URLSearchParams(query).get('v');
  const url = `${path.slice(0, path.lastIndexOf('/api/chat'))}/streams/${id}?format=ui`;
  return version === null ? url : `${url}&v=${version}`;
}

function addressOf(input: Parameters<typeof fetch>[0]): string {
  return typeof input === 'string' ? input : input instanceof URL ? input.href : input.url;
}

/** Those of the request without what describes its body. */
function plainHeaders(headers: HeadersInit | undefined): Record<string, string> {
  return Object.fromEntries([...new Headers(headers)].filter(([name]) => name !== 'content-type'));
}
