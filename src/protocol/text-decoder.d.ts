// TextDecoder is the one thing the protocol core needs from outside the language: it is in every runtime with
// `fetch`, it does no I/O, and no library of the language itself declares it.

declare class TextDecoder {
  constructor(label: 'utf-8', options: { ignoreBOM: boolean });
  decode(bytes: Uint8Array): string;
}
