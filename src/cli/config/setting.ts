// What a setting is, and the kinds of values that settings have.

import { isObject, listOf, oneOf, where } from '../../document/index.ts';
import type { Shape } from '../../document/index.ts';

export interface SettingType<Value> {
  /** For a person, as in `wanted: a whole number from 1`. */
  readonly wanted: string;
  /** What is wrong with a value of the file. */
  readonly shape: Shape;
  /** What a flag or a variable says, as a value of the file; what it cannot make one of it leaves to the shape. */
  readonly fromText: (text: string) => unknown;
  /** The shape says why a value is wrong, and quotes none that may hold a secret: nobody else judges it before. */
  readonly saysWhy?: true;
  /** Never there: says which values the shape lets through. */
  readonly value?: Value;
}

export interface Setting<Value> {
  /** One sentence, without its stop. */
  readonly description: string;
  readonly type: SettingType<Value>;
  readonly default: Value;
  /** As commander writes it: `--port <number>`. */
  readonly flag?: string;
  /** Where the flag says something other than the setting. */
  readonly flagDescription?: string;
  /** Variables besides its own, such as those that other programs read. */
  readonly variables?: readonly string[];
  /** It is never printed as it is, and no flag. */
  readonly isSecret?: true;
  /** What of it may be printed; nothing, where this is left out. */
  shown?(value: Value): unknown;
  /** It can change while the relay runs. */
  readonly isReloadable?: true;
}

interface NumberRange {
  readonly from: number;
  readonly to?: number;
}

export function wholeNumber({ from, to = Number.MAX_SAFE_INTEGER }: NumberRange): SettingType<number> {
  const isFitting = (value: unknown): boolean =>
    Number.isInteger(value) && Number(value) >= from && Number(value) <= to;
  const wanted =
    to === Number.MAX_SAFE_INTEGER ? `a whole number from ${from}` : `a whole number from ${from} to ${to}`;
  return { wanted, shape: where(isFitting, wanted), fromText: numberFrom };
}

export function numberFromZero(): SettingType<number> {
  const wanted = 'a number from 0';
  const isFitting = (value: unknown): boolean => Number.isFinite(value) && Number(value) >= 0;
  return { wanted, shape: where(isFitting, wanted), fromText: numberFrom };
}

export function trueOrFalse(): SettingType<boolean> {
  const wanted = 'true or false';
  const words: Readonly<Record<string, boolean>> = { true: true, false: false };
  return { wanted, shape: oneOf(true, false), fromText: (text) => words[text] ?? text };
}

export function choice<Choice extends string>(...choices: readonly Choice[]): SettingType<Choice> {
  return { wanted: choices.join(', '), shape: oneOf(...choices), fromText: asItIs };
}

export function word(wanted: string, isFitting: (text: string) => boolean = () => true): SettingType<string> {
  const shape = where((value) => isWord(value) && isFitting(value), wanted);
  return { wanted, shape, fromText: asItIs };
}

/** What is printed in place of a secret. */
export const mask = '***';

/** Never quoted in a message. */
export function secret(): SettingType<string> {
  const wanted = 'a text that is not empty, without spaces';
  const shape: Shape = (value, spot) => {
    if (value === mask) spot.report(`${mask} is what --print-config prints in its place`);
    else if (!isWord(value) || /\s/.test(value)) spot.report(`wanted: ${wanted}`);
  };
  return { wanted, shape, fromText: asItIs };
}

/** A place where a secret may stand by mistake: what is no object, or no list, is not quoted. */
export function unquoted(isFitting: (value: unknown) => boolean, wanted: string, shape: Shape): Shape {
  return (value, spot) => {
    if (isFitting(value)) shape(value, spot);
    else spot.report(`wanted: ${wanted}`);
  };
}

export function listOfWords(): SettingType<readonly string[]> {
  const wanted = 'a list of texts';
  return {
    wanted,
    shape: listOf(word('a text that is not empty').shape, wanted),
    fromText: (text) => (/^\s*\[/.test(text) ? fromJson(text) : text.split(',').map((item) => item.trim())),
  };
}

/** An object or a list; a flag or a variable says it in JSON. */
export function structure<Value>(wanted: string, shape: Shape): SettingType<Value> {
  return { wanted, shape, fromText: fromJson };
}

/** A text with a rule of its own: `complaintAbout` says what is wrong with it. */
export function checkedWord(
  wanted: string,
  complaintAbout: (text: string) => string | undefined,
): SettingType<string> {
  const shape: Shape = (value, spot) => {
    if (!isWord(value)) return spot.report(`wanted: ${wanted}`);
    const complaint = complaintAbout(value);
    if (complaint !== undefined) spot.report(complaint);
  };
  return { wanted, shape, fromText: asItIs, saysWhy: true };
}

/** `MILLRACE_LIMITS_MAX_READERS` for `limits.maxReaders`. */
export function variableOf(name: string): string {
  return `MILLRACE_${name.replaceAll(/[A-Z]/g, '_$&').replaceAll('.', '_').toUpperCase()}`;
}

/** The value at `listen.port` of what a file holds. */
export function valueAt(value: unknown, name: string): unknown {
  return name.split('.').reduce<unknown>((part, key) => (isObject(part) ? part[key] : undefined), value);
}

function isWord(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function asItIs(text: string): string {
  return text;
}

function numberFrom(text: string): unknown {
  return /^-?\d+(?:\.\d+)?$/.test(text.trim()) ? Number(text) : text;
}
