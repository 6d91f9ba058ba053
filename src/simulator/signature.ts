// A thinking block's signature in the form the API's have: base64 of a protobuf message that names the model in
// clear and otherwise holds random bytes. Nothing is signed, and the API would refuse it.

import { drawInteger } from './random.ts';
import type { Random } from './random.ts';

/** Recorded signatures have 600 characters and more even for little thinking, and at most 5,776. */
const leastCiphertextBytes = 300;
const mostCiphertextBytes = 4000;

export function createSignature(model: string, thinkingLength: number, random: Random): string {
  const bytes = (count: number): Buffer =>
    Buffer.from(Array.from({ length: count }, () => drawInteger(random, 0, 255)));
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

function numberField(field: number, value: number): Buffer {
  return Buffer.from([field << 3, ...varint(value)]);
}

function bytesField(field: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(field << 3) | 2, ...varint(content.length)]), content]);
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)];
}
