// A certificate for 127.0.0.1 that signs itself, made for one test: no key lies in the repository, and no other
// program is needed. The fields are those of RFC 5280, in DER.

import { generateKeyPairSync, sign } from 'node:crypto';

export interface SelfSigned {
  /** Both as PEM. */
  readonly key: string;
  readonly cert: string;
}

const dayMs = 24 * 60 * 60 * 1000;

/** Valid from yesterday until tomorrow. */
export function createSelfSigned(): SelfSigned {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const now = Date.now();
  const algorithm = der(tags.sequence, oids.ecdsaWithSha256);
  const commonName = der(tags.sequence, oids.commonName, der(tags.utf8String, Buffer.from('127.0.0.1')));
  const name = der(tags.sequence, der(tags.set, commonName));
  const body = der(
    tags.sequence,
    der(tags.version, der(tags.integer, Buffer.of(2))),
    der(tags.integer, Buffer.of(1)),
    algorithm,
    name,
    der(tags.sequence, utcTime(now - dayMs), utcTime(now + dayMs)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(tags.extensions, der(tags.sequence, addressExtension())),
  );
  const signature = der(tags.bitString, Buffer.of(0), sign('sha256', body, privateKey));
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: toPem(der(tags.sequence, body, algorithm, signature)),
  };
}

const tags = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  sequence: 0x30,
  set: 0x31,
  ipAddress: 0x87,
  version: 0xa0,
  extensions: 0xa3,
} as const;

const oids = {
  /** 1.2.840.10045.4.3.2 */
  ecdsaWithSha256: der(tags.oid, Buffer.from('2a8648ce3d040302', 'hex')),
  /** 2.5.4.3 */
  commonName: der(tags.oid, Buffer.from('550403', 'hex')),
  /** 2.5.29.17 */
  subjectAltName: der(tags.oid, Buffer.from('551d11', 'hex')),
} as const;

function addressExtension(): Buffer {
  const names = der(tags.sequence, der(tags.ipAddress, Buffer.of(127, 0, 0, 1)));
  return der(tags.sequence, oids.subjectAltName, der(tags.octetString, names));
}

/** YYMMDDHHMMSSZ */
function utcTime(timeMs: number): Buffer {
  const digits = new Date(timeMs).toISOString().replaceAll(/\D/g, '').slice(2, 14);
  return der(tags.utcTime, Buffer.from(`${digits}Z`));
}

/** A tag, the length, and what it is the length of. */
function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  return Buffer.concat([Buffer.of(tag, ...lengthBytes(length)), content]);
}

/** As few as can say it: browsers refuse more. */
function lengthBytes(length: number): number[] {
  if (length < 0x80) return [length];
  return length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
}

function toPem(bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}
