// What the API alone can read, in the form that its own has: a page it found, a place in it, thinking that it does not
// show. Base64 of a protobuf message, and random bytes where the API has something to hide.

import { createUuid } from './ids.ts';
import { bytesField, numberField } from './protobuf-field.ts';
import { drawBytes } from './random.ts';
import type { Random } from './random.ts';

/** `bytes` of them are what a real one says; the rest is its frame. */
export function createCiphertext(bytes: number, random: Random): string {
  const header = Buffer.concat([
    numberField(1, 17),
    numberField(3, 2),
    bytesField(4, Buffer.from(createUuid(random))),
  ]);
  const envelope = Buffer.concat([
    bytesField(1, header),
    bytesField(2, drawBytes(random, 12)),
    bytesField(3, drawBytes(random, 12)),
    bytesField(4, drawBytes(random, 48)),
    bytesField(5, drawBytes(random, bytes)),
  ]);
  return bytesField(2, envelope).toString('base64');
}
