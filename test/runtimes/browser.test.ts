import assert from 'node:assert/strict';
import { browserSkip } from '../support/requirements.ts';
import { launchChromium } from '../web/chromium.ts';
import { bundleProbe } from './bundle-probe.ts';
import { startPageServer } from './page-server.ts';
import type { Findings } from './probe.ts';
import { testRuntime } from './test-runtime.ts';

/** What the module of the page exports: one refuses the key, the other was asked to take it. */
interface ProbeModule {
  refused(): Promise<string>;
  probed(): Promise<Findings>;
}

const program = `
const options = { apiKey: 'any', baseURL: location.origin };
export const refused = () => probe(options).then(() => 'nothing', ({ code }) => code);
export const probed = () => probe({ ...options, dangerouslyAllowBrowser: true });`;

testRuntime({
  name: 'a page in Chromium, which has to ask for a key of its own',
  skip: browserSkip(),
  run: async (simulator) => {
    await using server = await startPageServer(await bundleProbe(program), simulator.url);
    const browser = await launchChromium();
    try {
      const page = await browser.newPage();
      await page.goto(server.url);
      const script = '/probe.js';
      const code = await page.evaluate(async (url) => ((await import(url)) as ProbeModule).refused(), script);
      assert.equal(code, 'api_key_in_browser');
      const before = simulator.requests.length;
      const findings = await page.evaluate(
        async (url) => ((await import(url)) as ProbeModule).probed(),
        script,
      );
      const headers = simulator.requests.slice(before).map((request) => request.headers);
      assert.ok(headers.length > 0);
      for (const each of headers) assert.equal(each['anthropic-dangerous-direct-browser-access'], 'true');
      return findings;
    } finally {
      await browser.close();
    }
  },
});
