import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { buildChatPage } from './built-page.ts';

const files = await buildChatPage();

function textOf(file: string | Uint8Array | undefined): string {
  return typeof file === 'string' ? file : new TextDecoder().decode(file);
}

const named = (pattern: RegExp): [name: string, text: string][] =>
  [...files].filter(([name]) => pattern.test(name)).map(([name, file]) => [name, textOf(file)]);

const gzippedBytes = (texts: [string, string][]): number =>
  texts.reduce((sum, [, text]) => sum + gzipSync(text).length, 0);

test('The built page has at most 64 KB of script, gzipped, and 6 KB of style', () => {
  const scripts = named(/\.js$/);
  const styles = named(/\.css$/);
  assert.ok(scripts.length > 0 && styles.length > 0);
  assert.ok(gzippedBytes(scripts) <= 64 * 1024, `${gzippedBytes(scripts)} bytes of script`);
  assert.ok(gzippedBytes(styles) <= 6 * 1024, `${gzippedBytes(styles)} bytes of style`);
});

test('The built page has nothing inline, so that its policy can forbid it', () => {
  const page = textOf(files.get('index.html'));
  assert.deepEqual(page.match(/<script(?![^>]* src=)[^>]*>|<style|\son[a-z]+=|\sstyle=|javascript:/g), null);
  assert.match(page, /<script type="module"[^>]* src="\/assets\//);
});

test('The built page has no key of the API in it, no library for it, and no way to ask it', () => {
  for (const [name, file] of files)
    assert.doesNotMatch(
      textOf(file),
      /sk-ant-|anthropic\.com|dangerouslyAllowBrowser|dangerous-direct|x-api-key/i,
      name,
    );
});

test('The built page loads nothing from elsewhere', () => {
  const page = textOf(files.get('index.html'));
  const loaded = [...page.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, address]) => address);
  assert.ok(loaded.length >= 3);
  for (const address of loaded) assert.match(address ?? '', /^\/assets\/[\w-]+-[\w-]{8}\.(?:css|js|svg)$/);
  for (const [name, text] of named(/\.css$/)) assert.doesNotMatch(text, /url\(|@import/, name);
  for (const [name, text] of named(/\.js$/))
    assert.doesNotMatch(text, /\bimport\(|\beval\(|new Function\(/, name);
});
