// Every route of the relay by its own table, so that one that is added is looked at as well.

import { routes } from '../../../src/relay/route-table.ts';
import { ann, question } from './keyed-relay.ts';

export interface SampleRoute {
  readonly method: string;
  readonly path: string;
  readonly isOpen: boolean;
  readonly body: object | undefined;
}

export const sampleRoutes: readonly SampleRoute[] = routes.map(({ method, name, isOpen = false }) => ({
  method,
  path: name.replace(':id', 'none'),
  isOpen,
  body: bodyFor(method, name),
}));

/** What a route takes, where it takes anything. */
export function bodyFor(method: string, name: string): object | undefined {
  if (method !== 'POST' && method !== 'PATCH') return undefined;
  if (name.startsWith('/v1/')) return { model: 'claude-sonnet-5', max_tokens: 10, ...question('x') };
  if (name === '/streams') return question('x');
  if (name === '/chat/stream') return { message: 'x' };
  if (name === '/session') return { key: ann.secret };
  if (name === '/api/chat')
    return { id: 'c', messages: [{ id: 'm', role: 'user', parts: [{ type: 'text', text: 'x' }] }] };
  return name.startsWith('/conversations') ? { title: 'x' } : undefined;
}
