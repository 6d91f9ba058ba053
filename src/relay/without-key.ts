// An error of upstream as clients may see it. They are told what upstream says, and it may say with which key it was
// asked.

import type { ByteSource, TransportResponse } from '../client/index.ts';

/** What stands in the place of the key. */
const mask = '***';

/** The response, with the key taken out of it; `read` reads a body as far as that goes. */
export async function withoutKey(
  { status, headers, body }: TransportResponse,
  key: string,
  read: (body: ByteSource) => Promise<Uint8Array>,
): Promise<TransportResponse> {
  const bytes = await read(body);
  const text = new TextDecoder().decode(bytes);
  const told = text.includes(key) ? new TextEncoder().encode(text.replaceAll(key, mask)) : bytes;
  return { status, headers, body: bodyOf(told) };
}

function bodyOf(bytes: Uint8Array): ByteSource {
  let rest: Uint8Array | undefined = bytes;
  return {
    read: async () => {
      const chunk = rest;
      rest = undefined;
      return chunk;
    },
    cancel: async () => {
      rest = undefined;
    },
  };
}
