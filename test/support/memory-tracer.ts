// A tracer in memory that implements the API's own interface.

import { context, INVALID_SPAN_CONTEXT, SpanStatusCode, trace } from '@opentelemetry/api';
import type { Attributes, Span, SpanKind, SpanOptions, Tracer } from '@opentelemetry/api';

export interface SeenSpan {
  readonly name: string;
  readonly kind: SpanKind | undefined;
  readonly attributes: Attributes;
  readonly events: string[];
  /** All else that was said of it. */
  readonly words: unknown[];
  status: SpanStatusCode;
  isEnded: boolean;
  /** The span that was active in the context it was made in. */
  readonly parent: string | undefined;
}

export class MemoryTracer implements Tracer {
  readonly spans: SeenSpan[] = [];
  readonly #names = new WeakMap<object, string>();

  startSpan(name: string, { kind, attributes }: SpanOptions = {}, within = context.active()): Span {
    const seen: SeenSpan = {
      name,
      kind,
      attributes: { ...attributes },
      events: [],
      words: [],
      status: SpanStatusCode.UNSET,
      isEnded: false,
      parent: this.#names.get(trace.getSpan(within) ?? {}),
    };
    this.spans.push(seen);
    const span: Span = {
      spanContext: () => INVALID_SPAN_CONTEXT,
      setAttribute: (key, value) => span.setAttributes({ [key]: value }),
      setAttributes: (more) => {
        Object.assign(seen.attributes, more);
        return span;
      },
      addEvent: (event, ...more) => {
        seen.events.push(event);
        seen.words.push(more);
        return span;
      },
      addLink: (link) => {
        seen.words.push(link);
        return span;
      },
      addLinks: (links) => {
        seen.words.push(links);
        return span;
      },
      setStatus: ({ code, message }) => {
        seen.status = code;
        seen.words.push(message);
        return span;
      },
      updateName: (later) => {
        seen.words.push(later);
        return span;
      },
      end: () => {
        seen.isEnded = true;
      },
      isRecording: () => !seen.isEnded,
      recordException: (exception) => {
        const { message, stack } = typeof exception === 'string' ? { message: exception } : exception;
        seen.words.push(message, stack);
      },
    };
    this.#names.set(span, name);
    return span;
  }

  startActiveSpan(): never {
    throw new Error('The span of an answer is never the active one');
  }
}
