// What the simulator was asked, for tests to look at and to wait for.

import { SimulatorError } from './errors.ts';
import type { AppliedFault } from './faults/fault.ts';
import type { MessagesParams } from './messages-params.ts';

/** A request the simulator has received. The fields that can still change do so in place. */
export interface RecordedRequest {
  /** 1 for the first request this simulator received. */
  readonly number: number;
  readonly method: string;
  /** With the query string. */
  readonly path: string;
  /** Names in lower case. Of keys and cookies only the last four characters are kept, of short ones none. */
  readonly headers: Readonly<Record<string, string>>;
  /** The parsed JSON, or the text when it is not JSON; undefined until it has arrived. */
  readonly body: unknown;
  /** The same, with its type, for a `POST /v1/messages` that was found valid; else undefined. */
  readonly params: MessagesParams | undefined;
  /** The rule of the scenario, or the reply, that answered it: `rule 2 "name"`, `reply 1`. */
  readonly rule: string | undefined;
  /** The faults its answer has, with everything settled that its plan left open. */
  readonly faults: readonly AppliedFault[];
  /** The status answered with; undefined until then. */
  readonly status: number | undefined;
  /** Events of a streamed answer that were handed to the connection. */
  readonly eventsSent: number;
  /** Bytes of these events, before compression. */
  readonly bytesSent: number;
  /** Whether the connection closed before the answer was complete. */
  readonly closedEarly: boolean;
  /** How the answer ended: `aborted` when the connection closed before it was complete, whoever closed it. */
  readonly closed: Promise<'finished' | 'aborted'>;
}

/** The log's own, changeable side of it. */
export type RequestRecord = { -readonly [Key in keyof RecordedRequest]: RecordedRequest[Key] } & {
  /** Size of the body as received; counts towards what the log may hold. */
  bodyBytes: number;
  /** Whether all of the request has arrived that ever will; nobody is shown it earlier. */
  isComplete: boolean;
};

/** The oldest requests are dropped beyond either limit; the newest always stays. */
const maxRequests = 1000;
const maxBodyBytes = 64 * 2 ** 20;

interface Waiter {
  readonly predicate: (request: RecordedRequest) => boolean;
  readonly resolve: (request: RecordedRequest) => void;
  readonly reject: (error: unknown) => void;
}

export class RequestLog {
  readonly #records: RequestRecord[] = [];
  readonly #waiters = new Set<Waiter>();
  #bodyBytes = 0;
  #isClosed = false;

  get requests(): readonly RecordedRequest[] {
    return this.#records;
  }

  add(record: RequestRecord): void {
    this.#records.push(record);
    this.#trim();
  }

  setBody(record: RequestRecord, body: unknown, byteCount: number): void {
    if (this.#records.includes(record)) this.#bodyBytes += byteCount - record.bodyBytes;
    record.body = body;
    record.bodyBytes = byteCount;
    this.#trim();
  }

  /** To be called when the request has arrived and after each change, so that those who wait see it. */
  changed(record: RequestRecord): void {
    record.isComplete = true;
    for (const waiter of this.#waiters) this.#offer(waiter, record);
  }

  /** Resolves with the first request, logged already or to come, for which the predicate holds. */
  waitFor(predicate: (request: RecordedRequest) => boolean): Promise<RecordedRequest> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter = { predicate, resolve, reject };
      this.#waiters.add(waiter);
      for (const record of this.#records) if (this.#offer(waiter, record)) return;
      if (this.#isClosed) this.#reject(waiter);
    });
  }

  close(): void {
    this.#isClosed = true;
    for (const waiter of this.#waiters) this.#reject(waiter);
  }

  #offer(waiter: Waiter, record: RequestRecord): boolean {
    try {
      if (!record.isComplete || !waiter.predicate(record)) return false;
      waiter.resolve(record);
    } catch (error) {
      waiter.reject(error);
    }
    this.#waiters.delete(waiter);
    return true;
  }

  #reject(waiter: Waiter): void {
    this.#waiters.delete(waiter);
    waiter.reject(
      new SimulatorError(
        'simulator_closed',
        'Cannot wait for a request: the simulator was closed before it came',
      ),
    );
  }

  #trim(): void {
    while (
      this.#records.length > maxRequests ||
      (this.#bodyBytes > maxBodyBytes && this.#records.length > 1)
    ) {
      this.#bodyBytes -= this.#records.shift()?.bodyBytes ?? 0;
    }
  }
}

const secretHeaders = new Set(['authorization', 'cookie', 'proxy-authorization', 'x-api-key']);

/** The headers as they may be kept. */
export function maskHeaders(headers: NodeJS.Dict<string | string[]>): Record<string, string> {
  const entries = Object.entries(headers).map(([name, value]): [string, string] => {
    const text = Array.isArray(value) ? value.join(', ') : (value ?? '');
    return [name, secretHeaders.has(name) ? mask(text) : text];
  });
  return Object.fromEntries(entries);
}

/** The scheme, if there is one, and the end of the secret. */
function mask(value: string): string {
  const [, scheme = '', secret = ''] = /^(\w+ )?(.*)$/s.exec(value) ?? [];
  return `${scheme}***${secret.length >= 12 ? secret.slice(-4) : ''}`;
}
