// Reads the `.json` file of a recording. People may have written in it, so whatever is wrong is said by its field.

import { validateHeaderName, validateHeaderValue } from 'node:http';

import { SimulatorError } from '../errors.ts';
import type { JsonObject } from '../json-object.ts';
import { recordingVersion } from '../recording/recording.ts';
import type {
  Chunk,
  Ended,
  KeptBody,
  RecordedAsk,
  RecordedReply,
  Recording,
} from '../recording/recording.ts';
import { isObject } from '../validate-value.ts';

/** Throws a SimulatorError `bad_recording` that names the file and the field. */
export function parseRecording(text: string, file: string): Recording {
  const fields = new Fields(file, '', parseJson(text, file));
  const version = fields.number('millraceRecording');
  if (version !== recordingVersion) fields.fail('millraceRecording', `${recordingVersion}, not ${version},`);
  const request = toRequest(fields.object('request'));
  const response = fields.value('response') === null ? null : toResponse(fields.object('response'));
  return {
    millraceRecording: recordingVersion,
    recordedAt: fields.text('recordedAt'),
    upstream: fields.text('upstream'),
    request,
    response,
    ended: toEnded(fields.object('ended')),
  };
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw badRecording(file, `it is not JSON: ${(cause as SyntaxError).message}`);
  }
}

export function badRecording(file: string, reason: string): SimulatorError {
  return new SimulatorError('bad_recording', `Cannot replay ${file}: ${reason}`);
}

function toRequest(fields: Fields): RecordedAsk {
  return {
    method: fields.text('method'),
    path: fields.text('path'),
    headers: fields.texts('headers'),
    ...toBody(fields),
  };
}

function toBody(fields: Fields): KeptBody {
  const bodyType = fields.oneOf('bodyType', ['json', 'text', 'base64', 'none', 'omitted']);
  if (bodyType === 'none' || bodyType === 'omitted') return { bodyType };
  if (bodyType === 'json') return { bodyType, body: fields.present('body') };
  return { bodyType, body: fields.text('body') };
}

function toResponse(fields: Fields): RecordedReply {
  const status = fields.number('status');
  if (!Number.isInteger(status) || status < 200 || status > 599)
    fields.fail('status', 'a number from 200 to 599');
  const bodyFile = fields.text('bodyFile');
  if (/[/\\]|^\.*$/.test(bodyFile)) fields.fail('bodyFile', 'the name of a file beside it');
  const headMs = fields.number('headMs');
  return { status, headers: toHeaders(fields), headMs, bodyFile, chunks: toChunks(fields, headMs) };
}

function toHeaders(fields: Fields): Record<string, string> {
  const headers = fields.texts('headers');
  for (const [name, value] of Object.entries(headers)) {
    try {
      validateHeaderName(name);
      validateHeaderValue(name, value);
    } catch {
      fields.fail(`headers.${name}`, 'a header');
    }
  }
  return headers;
}

function toChunks(fields: Fields, headMs: number): Chunk[] | undefined {
  const chunks = fields.value('chunks');
  if (chunks === undefined) return undefined;
  if (!Array.isArray(chunks)) return fields.fail('chunks', 'a list');
  let lastMs = headMs;
  return chunks.map((chunk: unknown, index): Chunk => {
    const [ms, byteCount, ...more] = Array.isArray(chunk) ? (chunk as unknown[]) : [];
    if (!isTime(ms) || !isTime(byteCount) || !Number.isInteger(byteCount) || more.length > 0) {
      return fields.fail(`chunks.${index}`, '[milliseconds, bytes]');
    }
    if (ms < lastMs) return fields.fail(`chunks.${index}`, `a time from ${lastMs} ms on`);
    lastMs = ms;
    return [ms, byteCount];
  });
}

function toEnded(fields: Fields): Ended {
  const how = fields.oneOf('how', ['complete', 'cut', 'reader_left', 'unreachable', 'unknown']);
  if (how === 'unknown') return { how };
  const ms = fields.number('ms');
  if (how === 'cut') return { how, by: fields.oneOf('by', ['fin', 'rst']), ms };
  if (how === 'unreachable') return { how, code: fields.text('code'), ms };
  return { how, ms };
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && Number.isFinite(value);
}

/** The fields of one object of a file. */
class Fields {
  readonly #file: string;
  readonly #path: string;
  readonly #fields: JsonObject;

  constructor(file: string, path: string, value: unknown) {
    this.#file = file;
    this.#path = path;
    if (!isObject(value)) throw badRecording(file, `${path === '' ? 'it' : path}: an object is wanted`);
    this.#fields = value;
  }

  fail(name: string, wanted: string): never {
    throw badRecording(this.#file, `${this.#pathOf(name)}: ${wanted} is wanted`);
  }

  value(name: string): unknown {
    return Object.hasOwn(this.#fields, name) ? this.#fields[name] : undefined;
  }

  present(name: string): unknown {
    const value = this.value(name);
    return value === undefined ? this.fail(name, 'a value') : value;
  }

  object(name: string): Fields {
    return new Fields(this.#file, this.#pathOf(name), this.value(name));
  }

  text(name: string): string {
    const value = this.value(name);
    return typeof value === 'string' ? value : this.fail(name, 'a text');
  }

  number(name: string): number {
    const value = this.value(name);
    return isTime(value) ? value : this.fail(name, 'a number from 0');
  }

  oneOf<Choice extends string>(name: string, choices: readonly Choice[]): Choice {
    const choice = choices.find((each) => each === this.value(name));
    return choice ?? this.fail(name, `one of ${choices.join(', ')}`);
  }

  texts(name: string): Record<string, string> {
    const fields = this.object(name);
    return Object.fromEntries(Object.keys(fields.#fields).map((key) => [key, fields.text(key)]));
  }

  #pathOf(name: string): string {
    return this.#path === '' ? name : `${this.#path}.${name}`;
  }
}
