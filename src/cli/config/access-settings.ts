// The settings of access. What each may be is the relay's to judge, which does so with all of them together
// (read-config.ts); here stands which fields there are.

import { flag, isObject, listOf, objectOf } from '../../document/index.ts';
import type { RelayKey } from '../../relay/index.ts';
import type { AccessConfig } from './config.ts';
import {
  listOfWords,
  mask,
  numberFromZero,
  secret,
  structure,
  trueOrFalse,
  unquoted,
  wholeNumber,
  word,
} from './setting.ts';
import type { Setting } from './setting.ts';

const count = wholeNumber({ from: 1 });
const countOrNone = wholeNumber({ from: 0 });
const words = listOfWords();

const ownerLimits = {
  concurrent: countOrNone.shape,
  queue: countOrNone.shape,
  waitMs: countOrNone.shape,
  requestsPerMinute: countOrNone.shape,
  tokensPerDay: countOrNone.shape,
  costPerDay: numberFromZero().shape,
  readersPerStream: countOrNone.shape,
  readers: countOrNone.shape,
};

const keyFields = {
  id: word('a text that is not empty').shape,
  secret: secret().shape,
  secretFile: word('the path of a file').shape,
  secretVariable: word('the name of a variable').shape,
  operator: flag,
  limits: objectOf(ownerLimits),
  models: words.shape,
};

const places = ['secret', 'secretFile', 'secretVariable'];

const key = unquoted(isObject, `an object with ${Object.keys(keyFields).join(', ')}`, (value, spot) => {
  objectOf(keyFields, ['id'])(value, spot);
  if (isObject(value) && places.filter((place) => value[place] !== undefined).length !== 1)
    spot.report(`needs one of ${places.join(', ')}`);
});

/** What it holds is the relay's to judge. */
const publicKey = unquoted(isObject, 'an object, as a JSON Web Key', () => undefined);

const tokenKeyFields = {
  id: word('a text that is not empty').shape,
  algorithm: word('HS256, Ed25519 (also as EdDSA), ES256 or RS256').shape,
  secret: secret().shape,
  secretFile: word('the path of a file').shape,
  secretVariable: word('the name of a variable').shape,
  publicKey,
};

const tokenPlaces = [...places, 'publicKey'];

const tokenKey = unquoted(
  isObject,
  `an object with ${Object.keys(tokenKeyFields).join(', ')}`,
  (value, spot) => {
    objectOf(tokenKeyFields, ['id', 'algorithm'])(value, spot);
    if (isObject(value) && tokenPlaces.filter((place) => value[place] !== undefined).length !== 1)
      spot.report(`needs one of ${tokenPlaces.join(', ')}`);
  },
);

const tokenFields = {
  issuer: word('a text that is not empty').shape,
  audience: word('a text that is not empty').shape,
  keys: unquoted(Array.isArray, 'a list of keys', listOf(tokenKey, 'a list of keys')),
};

const wantedTokens = `an object with ${Object.keys(tokenFields).join(', ')}`;
const tokens = unquoted(isObject, wantedTokens, objectOf(tokenFields, Object.keys(tokenFields)));

const wantedKeys = 'a list of keys';
const keys = unquoted(Array.isArray, wantedKeys, listOf(key, wantedKeys));

/** Rows of it are the relay's to judge. */
const prices = structure<NonNullable<AccessConfig['access.prices']>>('an object of prices', (value, spot) => {
  if (!isObject(value)) spot.want('an object with asOf, source, currency, models', value);
});

const limit = (description: string): Setting<number | undefined> => ({
  description: `${description}, of each owner`,
  type: countOrNone,
  default: undefined,
  isReloadable: true,
});

export const accessSettings: {
  readonly [Name in keyof AccessConfig]: Setting<AccessConfig[Name]>;
} = {
  'access.keys': {
    description:
      'keys of who may ask, each with id, one of secret, secretFile, secretVariable, and perhaps operator, limits, models',
    type: structure(wantedKeys, keys),
    default: undefined,
    isSecret: true,
    isReloadable: true,
    shown: (keys) => keys?.map((each: RelayKey) => ({ ...each, secret: mask })),
  },
  'access.tokens': {
    description:
      'JSON Web Tokens of an application that pages may ask with, by issuer, audience and keys, each with id, algorithm, and one of secret, secretFile, secretVariable, publicKey',
    type: structure(wantedTokens, tokens),
    default: undefined,
    isSecret: true,
    isReloadable: true,
    shown: (rules) =>
      rules && {
        ...rules,
        keys: rules.keys.map((each) => (each.algorithm === 'HS256' ? { ...each, secret: mask } : each)),
      },
  },
  'access.origins': {
    description: 'origins of pages that may use the relay besides its own',
    type: words,
    default: undefined,
    isReloadable: true,
  },
  'access.hosts': {
    description: 'names the relay answers for besides those of loopback; needs keys',
    type: words,
    default: undefined,
    isReloadable: true,
  },
  'access.sessions': {
    description: 'whether pages may sign in with a key and get a cookie; only with keys',
    type: trueOrFalse(),
    default: true,
    isReloadable: true,
  },
  'access.sessionMs': {
    description: 'how long such a cookie is good for, in milliseconds; not set, 12 hours',
    type: wholeNumber({ from: 1000 }),
    default: undefined,
    isReloadable: true,
  },
  'access.allow.models': {
    description: 'models that pages may ask for; not set, answers.model alone',
    type: words,
    default: undefined,
    isReloadable: true,
  },
  'access.allow.maxTokens': {
    description: 'most max_tokens of pages; not set, answers.maxTokens',
    type: count,
    default: undefined,
    isReloadable: true,
  },
  'access.allow.fields': {
    description: 'fields of a Messages request that pages may use besides those that shape the text',
    type: words,
    default: undefined,
    isReloadable: true,
  },
  'access.allow.urlHosts': {
    description: 'hosts that images and documents of pages may be fetched from; not set, none',
    type: words,
    default: undefined,
    isReloadable: true,
  },
  'access.allow.images': {
    description: 'whether pages have room for images: bodies of 10 MiB in place of 1',
    type: trueOrFalse(),
    default: undefined,
    isReloadable: true,
  },
  'access.limits.concurrent': limit('answers under way; not set, 3 with keys'),
  'access.limits.queue': limit('requests that wait for their turn; not set, 20'),
  'access.limits.waitMs': limit('how long requests of /v1 wait for it, in milliseconds; not set, 30000'),
  'access.limits.requestsPerMinute': limit('requests in a minute; not set, no limit'),
  'access.limits.tokensPerDay': limit('tokens in and out in a day of UTC; not set, no limit'),
  'access.limits.costPerDay': {
    description: 'cost in a day of UTC, in the currency of the prices, of each owner; not set, no limit',
    type: numberFromZero(),
    default: undefined,
    isReloadable: true,
  },
  'access.limits.readersPerStream': limit('connections that read one stream; not set, 6 with keys'),
  'access.limits.readers': limit('connections that read; not set, 20 with keys'),
  'access.prices': {
    description: 'prices of models for limits of cost; not set, those of the package',
    type: prices,
    default: undefined,
    isReloadable: true,
  },
};
