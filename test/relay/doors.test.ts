import { startTestRelay } from '../support/relay.ts';
import { createFetchHandler } from 'millrace/relay';
import { testRelayDoor } from '../contract/relay-door.ts';

testRelayDoor('the Node server', async (baseURL) => {
  const { url, ...relay } = await startTestRelay(baseURL);
  return { ...relay, ask: (path, init) => fetch(url + path, init) };
});

testRelayDoor('the fetch handler', async (baseURL) => {
  const relay = await startTestRelay(baseURL);
  const handler = createFetchHandler(relay.relay);
  return { ...relay, ask: (path, init) => handler(new Request(`http://localhost:8787${path}`, init)) };
});
