// A response of any transport as the platform's own `Response`, for who wants its status and headers, or its bytes.

import type { TransportResponse } from './transport.ts';

/** Status and headers, with `body`. */
export function responseOf(
  { status, headers }: TransportResponse,
  body: ReadableStream<Uint8Array<ArrayBuffer>> | string | null = null,
): Response {
  const fields = new Headers();
  for (const name of headers.keys()) fields.append(name, headers.get(name) ?? '');
  return new Response(body, { status, headers: fields });
}

/** A body as a readable stream, which reads no further than it is read. `onEnd` is called once, however it ends. */
export function readableOf(
  { body }: TransportResponse,
  onEnd: () => void,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream(
    {
      pull: async (controller) => {
        try {
          const bytes = await body.read();
          if (bytes !== undefined) return controller.enqueue(bytes as Uint8Array<ArrayBuffer>);
          controller.close();
        } catch (error) {
          controller.error(error);
        }
        onEnd();
      },
      cancel: async () => {
        onEnd();
        await body.cancel();
      },
    },
    { highWaterMark: 0 },
  );
}
