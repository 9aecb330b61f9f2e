// Chromium with pages, each a phone: the hand of `ruf-interop browser`, which decides what is right.
// Usage: node drive.mjs CHROMIUM PROFILE [HOST ADDRESS]: HOST is found at ADDRESS.
//
// Standard input: an order a line, {"id", "page", "verb", "with"}; `open` and `reload` are the page's
// own, all others go to window.phone. Standard output: {"id", "gave"} or {"id", "failed"}, and
// {"page", "sent"} or {"page", "received"} for each frame of its WebSocket, as the browser saw it.
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';

const [executablePath, profile, host, address] = process.argv.slice(2);
const say = (line) => {
  process.stdout.write(`${JSON.stringify(line)}\n`);
  // What is left for a person to read.
  console.error(line);
};

const entry = fileURLToPath(new URL('page.mjs', import.meta.url));
const bundle = await build({ entryPoints: [entry], bundle: true, write: false, format: 'iife' });
const html = `<!doctype html><meta charset="utf-8"><title>phone</title><script>${bundle.outputFiles[0].text}</script>`;
const site = createServer((_, response) => {
  response.writeHead(200, { 'content-type': 'text/html' });
  response.end(html);
});
await new Promise((listening) => site.listen(0, '127.0.0.1', listening));

const browser = await chromium.launchPersistentContext(profile, {
  executablePath,
  args: [
    '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync',
    '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream',
    '--autoplay-policy=no-user-gesture-required',
    // Media goes from page to page on one machine.
    '--allow-loopback-in-peer-connection',
    ...(host ? [`--host-resolver-rules=MAP ${host} ${address}`] : []),
  ],
});
const pages = new Map();

async function open(name) {
  const page = await browser.newPage();
  page.on('websocket', (socket) => {
    socket.on('framesent', ({ payload }) => say({ page: name, sent: String(payload) }));
    socket.on('framereceived', ({ payload }) => say({ page: name, received: String(payload) }));
  });
  page.on('console', (message) => console.error(`${name}: ${message.text()}`));
  page.on('pageerror', (error) => console.error(`${name}: ${error}`));
  pages.set(name, page);
  await page.goto(`http://localhost:${site.address().port}/`);
}

async function obey({ page, verb, with: what }) {
  if (verb === 'open') return open(page);
  if (verb === 'reload') return pages.get(page).reload();
  return pages.get(page).evaluate(([verb, what]) => window.phone[verb](what), [verb, what]);
}

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line);
  try {
    const gave = await obey(order);
    say({ id: order.id, gave: order.verb === 'reload' ? null : gave ?? null });
  } catch (error) {
    say({ id: order.id, failed: String(error) });
  }
}
await browser.close();
site.close();
