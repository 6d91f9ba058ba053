// Writes one exchange as it happens. Whenever the program is killed, what is in the files is a valid recording of
// what had come: the `.json` file is replaced as a whole, and while chunks come only its tail is overwritten, by one
// write each. Writes are synchronous, so there is no queue, and nothing of an exchange is lost with the process.

import { closeSync, ftruncateSync, openSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

import { SimulatorError } from '../errors.ts';
import { fileMode } from './recording-folder.ts';
import type { RecordingFolder } from './recording-folder.ts';
import { bodySuffix, recordingVersion } from './recording.ts';
import type { Chunk, Ended, RecordedAsk, ReplyHead } from './recording.ts';

export interface WriterOptions {
  readonly folder: RecordingFolder;
  readonly recordedAt: string;
  readonly upstream: string;
  readonly request: RecordedAsk;
  /** The largest body stored, in bytes. */
  readonly maxBodyBytes: number;
  /** Called once, when no more is written because it cannot be. */
  readonly onError: (error: SimulatorError) => void;
}

/** Never throws: when it cannot write it says so once, and does nothing from then on. */
export class RecordingWriter {
  readonly #options: WriterOptions;
  /** Undefined when not even the name could be taken. */
  readonly name: string | undefined;
  #request: RecordedAsk;
  /** Set while the answer is being written. */
  #files: OpenFiles | undefined;
  /** What is to be closed in the end. */
  readonly #descriptors: number[] = [];
  /** Nothing is written any more: it has ended, or failed. */
  #isDone = false;
  /** Of the body, as far as it is written. */
  bodyBytes = 0;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#request = options.request;
    this.name = this.#attempt(() => options.folder.takeName(options.request.path));
    this.#attempt(() => this.#replace(null, unknown));
  }

  /** The request when all of it is known. */
  setRequest(request: RecordedAsk): void {
    this.#request = request;
    if (this.#files === undefined) this.#attempt(() => this.#replace(null, unknown));
  }

  begin(head: Omit<ReplyHead, 'bodyFile'>): void {
    this.#attempt(() => {
      const bodyFile = `${this.name}${extensionOf(head.headers['content-type'])}`;
      const body = this.#open(bodyFile, 'wx');
      const tailAt = this.#replace({ ...head, bodyFile }, unknown);
      const json = this.#open(`${this.name}.json`, 'r+');
      this.#files = { json, body, tailAt, chunkCount: 0 };
    });
  }

  /** The bytes may be fewer than the chunk has, while the last ones are held back, and more later. */
  addChunk(chunk: Chunk, bytes: Uint8Array): void {
    this.#attempt((files = this.#files) => {
      if (files === undefined) return;
      const { maxBodyBytes } = this.#options;
      if (this.bodyBytes + chunk[1] > maxBodyBytes) throw tooLarge(this.name, maxBodyBytes);
      this.#addBytes(files, bytes);
      const entry = Buffer.from(`${files.chunkCount === 0 ? '' : ','}\n      [${chunk[0]}, ${chunk[1]}]`);
      writeAll(files.json, Buffer.concat([entry, tailOf(unknown)]), files.tailAt);
      files.tailAt += entry.length;
      files.chunkCount += 1;
      this.bodyBytes += chunk[1];
    });
  }

  /** Bytes held back from a chunk before. */
  addRest(bytes: Uint8Array): void {
    this.#attempt(() => {
      if (this.#files !== undefined) this.#addBytes(this.#files, bytes);
    });
  }

  /** Nothing is written after it. */
  finish(ended: Ended): void {
    this.#attempt(() => {
      if (this.#files === undefined) this.#replace(null, ended);
      else this.#endTail(this.#files, ended);
    });
    this.#isDone = true;
    this.#close();
  }

  /** What cannot be written ends the recording, and not the exchange. */
  fail(cause: unknown): void {
    if (this.#isDone) return;
    this.#isDone = true;
    const error =
      cause instanceof SimulatorError ? cause : cannotWrite(this.#options.folder, this.name, cause);
    try {
      // Where the disk is full there is room for what was there before.
      if (this.#files !== undefined) this.#endTail(this.#files, unknown);
    } catch {
      // The file may be broken now; the error that is told is the first one.
    }
    this.#close();
    this.#options.onError(error);
  }

  #attempt<Result>(write: () => Result): Result | undefined {
    if (this.#isDone) return undefined;
    try {
      return write();
    } catch (error) {
      this.fail(error);
      return undefined;
    }
  }

  #addBytes(files: OpenFiles, bytes: Uint8Array): void {
    writeAll(files.body, bytes, null);
  }

  /** Replaces the `.json` file as a whole. Returns where the tail behind the chunks begins. */
  #replace(head: ReplyHead | null, ended: Ended): number {
    const { recordedAt, upstream } = this.#options;
    const start = { millraceRecording: recordingVersion, recordedAt, upstream, request: this.#request };
    const text = `${JSON.stringify(start, null, 2).slice(0, -2)},\n  "response": ${toJsonStart(head)}`;
    const tail = head === null ? endOf(ended) : tailOf(ended).toString();
    const path = this.#pathOf(`${this.name}.json`);
    const written = `${path}.part`;
    writeFileSync(written, text + tail, { mode: fileMode, flag: 'wx' });
    renameSync(written, path);
    return Buffer.byteLength(text);
  }

  #endTail(files: OpenFiles, ended: Ended): void {
    const tail = tailOf(ended);
    writeAll(files.json, tail, files.tailAt);
    ftruncateSync(files.json, files.tailAt + tail.length);
  }

  #pathOf(file: string): string {
    return join(this.#options.folder.path, file);
  }

  #open(file: string, flags: 'wx' | 'r+'): number {
    const descriptor = openSync(this.#pathOf(file), flags, fileMode);
    this.#descriptors.push(descriptor);
    return descriptor;
  }

  #close(): void {
    for (const descriptor of this.#descriptors.splice(0)) closeSync(descriptor);
    this.#files = undefined;
  }
}

interface OpenFiles {
  readonly json: number;
  readonly body: number;
  /** Where the next chunk goes, and what follows the last one now. */
  tailAt: number;
  chunkCount: number;
}

const unknown: Ended = { how: 'unknown' };

/** The response up to the place of its first chunk. */
function toJsonStart(head: ReplyHead | null): string {
  if (head === null) return 'null';
  const indented = JSON.stringify(head, null, 2).replaceAll('\n', '\n  ');
  return `${indented.slice(0, indented.lastIndexOf('\n'))},\n    "chunks": [`;
}

function tailOf(ended: Ended): Buffer {
  return Buffer.from(`\n    ]\n  }${endOf(ended)}`);
}

function endOf(ended: Ended): string {
  return `,\n  "ended": ${JSON.stringify(ended)}\n}\n`;
}

function writeAll(file: number, bytes: Uint8Array, position: number | null): void {
  for (let done = 0; done < bytes.length;) {
    done += writeSync(file, bytes, done, bytes.length - done, position === null ? null : position + done);
  }
}

const extensions: Readonly<Record<string, string>> = {
  'text/event-stream': '.sse',
  'application/json': bodySuffix,
  'text/html': '.html',
  'text/plain': '.txt',
};

function extensionOf(contentType: string | undefined): string {
  const [type = ''] = (contentType ?? '').split(';');
  return extensions[type.trim().toLowerCase()] ?? '.bin';
}

function tooLarge(name: string | undefined, maxBodyBytes: number): SimulatorError {
  const message = `Cannot record all of ${name}: its body is larger than ${maxBodyBytes} bytes`;
  return new SimulatorError('recording_too_large', message);
}

function cannotWrite({ path }: RecordingFolder, name: string | undefined, cause: unknown): SimulatorError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new SimulatorError('cannot_record', `Cannot record ${join(path, name ?? '')}: ${reason}`, { cause });
}
