// A thinking block's signature in the form the API's have: base64 of a protobuf message that names the model in
// clear and otherwise holds random bytes. Nothing is signed, and the API would refuse it.

import { bytesField, numberField } from './protobuf-field.ts';
import { drawBytes } from './random.ts';
import type { Random } from './random.ts';

/** Recorded signatures have 600 characters and more even for little thinking, and at most 5,776. */
const leastCiphertextBytes = 300;
const mostCiphertextBytes = 4000;

export function createSignature(model: string, thinkingLength: number, random: Random): string {
  const bytes = (count: number): Buffer => drawBytes(random, count);
  const ciphertextBytes = Math.min(Math.max(thinkingLength, leastCiphertextBytes), mostCiphertextBytes);
  const header = Buffer.concat([
    numberField(1, 15),
    numberField(3, 2),
    bytesField(5, bytes(64)),
    bytesField(6, Buffer.from(model)),
    numberField(7, 0),
    bytesField(8, Buffer.from('thinking')),
  ]);
  const envelope = Buffer.concat([
    bytesField(1, header),
    bytesField(2, bytes(12)),
    bytesField(3, bytes(12)),
    bytesField(4, bytes(48)),
    bytesField(5, bytes(ciphertextBytes)),
  ]);
  return Buffer.concat([bytesField(2, envelope), numberField(3, 1)]).toString('base64');
}
