// What the rules for tokens must be for the relay to start with them.

import { AccessOptionError } from './access-option-error.ts';
import type { PublicJwk, PublicTokenKey, SecretTokenKey, TokenKey, TokenRules } from './access-options.ts';
import { checkComplete, checkedObject, checkText, listOf, matching, said } from './check-fields.ts';
import type { Check } from './check-fields.ts';
import { checkSecret } from './check-secret.ts';

/** Throws an AccessOptionError. */
export function checkTokens(value: unknown, field: string): void {
  checkComplete(value, field, {
    needed: {
      issuer: checkText,
      audience: checkText,
      keys: listOf(checkTokenKey, 1),
    } satisfies Record<keyof TokenRules, Check>,
  });
  const ids = (value as TokenRules).keys.map(({ id }) => id);
  const again = ids.findIndex((id, index) => ids.indexOf(id) !== index);
  if (again >= 0)
    throw new AccessOptionError(
      `${field}.keys[${again}].id`,
      `is that of ${field}.keys[${ids.indexOf(ids[again] ?? '')}] too`,
    );
}

function checkTokenKey(value: unknown, field: string): void {
  const { algorithm } = checkedObject(value, field) as Partial<TokenKey>;
  const fields = Object.hasOwn(fieldsOf, String(algorithm)) && fieldsOf[algorithm as TokenKey['algorithm']];
  if (!fields) {
    const known = Object.keys(fieldsOf).join(', ');
    throw new AccessOptionError(`${field}.algorithm`, `must be one of ${known}, not ${said(algorithm)}`);
  }
  checkComplete(value, field, { needed: { id: checkId, algorithm: () => undefined, ...fields } });
}

function checkId(value: unknown, field: string): void {
  matching(value, field, { pattern: /^[!-~]{1,128}$/, wanted: '1 to 128 visible ASCII characters' });
}

/** The fields of a public key by what each must be. */
type JwkPatterns = { readonly [Name in keyof PublicJwk]: RegExp };

/** 32 bytes as base64url. */
const coordinate = /^[\w-]{43}$/;

const ed25519 = publicKey({ kty: /^OKP$/, crv: /^Ed25519$/, x: coordinate });

/** By algorithm: a secret, or a public key. No algorithm takes what another one's key is. */
const fieldsOf = {
  HS256: { secret: checkSecret } satisfies Record<keyof Omit<SecretTokenKey, 'id' | 'algorithm'>, Check>,
  Ed25519: ed25519,
  EdDSA: ed25519,
  ES256: publicKey({ kty: /^EC$/, crv: /^P-256$/, x: coordinate, y: coordinate }),
  // From 2048 bits on.
  RS256: publicKey({ kty: /^RSA$/, n: /^[\w-]{342,1400}$/, e: /^[\w-]{1,8}$/ }),
} satisfies Record<TokenKey['algorithm'], Readonly<Record<string, Check>>>;

function publicKey(patterns: JwkPatterns): Record<keyof Omit<PublicTokenKey, 'id' | 'algorithm'>, Check> {
  const check: Check = (value, field) => {
    const jwk = checkedObject(value, field) as Readonly<Record<string, unknown>>;
    if (jwk['d'] !== undefined)
      throw new AccessOptionError(`${field}.d`, 'is the private key: the public one alone belongs here');
    for (const [name, pattern] of Object.entries(patterns)) {
      const part = jwk[name];
      if (typeof part === 'string' && pattern.test(part)) continue;
      throw new AccessOptionError(`${field}.${name}`, `is not that of a key of this algorithm`);
    }
  };
  return { publicKey: check };
}
