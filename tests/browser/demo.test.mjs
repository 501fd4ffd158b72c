// The demo's page, as whoever tries sawt sees it first.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DESKTOP, PHONE, axe, picture, shifted } from './browser.mjs';
import { Shown } from './poll.mjs';
import { stage } from './stage.mjs';

const set = stage();

/** Where the poll that started it stands. */
const FIRST = '.beside .opinion >> nth=0';

/** Starts the demo with so many readers, and finds the address it prints first. */
async function demo(readers = 0) {
  const sawt = await set.replica({ SAWT_ADMIN_KEY: undefined, SAWT_OPS_LISTEN: undefined }, ['demo', '--readers', `${readers}`]);
  const [address] = await sawt.prints(/http:\S+\/demo/);
  return { sawt, address };
}

for (const [size, viewport] of [['phone', PHONE], ['desktop', DESKTOP]]) {
  for (const colorScheme of ['light', 'dark']) {
    test(`the demo opens with an article that the poll stands beside (${size}, ${colorScheme})`, async () => {
      const { sawt, address } = await demo();
      const reader = await set.reader({ viewport, colorScheme }, sawt.origin);
      const shown = Shown.in(await reader.open(address), 'script', FIRST);
      await shown.is('open');
      assert.deepEqual(await axe(shown.page), []);
      await picture(shown.page, `demo-${size}-${colorScheme}-open`);
      await shown.vote('yes');
      await shown.results('صوت واحد');
      assert.deepEqual(await axe(shown.page), []);
      assert.deepEqual(await shifted(shown.page), [], 'the page moved under the reader');
      const wide = await shown.page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(wide <= viewport.width, `${wide} pixels in ${viewport.width}`);
      const [article, poll] = [await shown.page.locator('.text').boundingBox(), await shown.box('.sawt')];
      if (size === 'desktop') assert.ok(poll.right < article.x, 'the poll stands left of the text');
      // For the whole page the browser makes its window higher, which moves everything: last, therefore.
      await picture(shown.page, `demo-${size}-${colorScheme}-voted`, { fullPage: true });
      await sawt.prints(/the tally: 1 ballots, نعم 1, لا 0; 1 live stream/);
    });
  }
}

test('simulated readers vote while somebody watches', async () => {
  const { sawt, address } = await demo(30);
  const shown = Shown.in(await (await set.reader({}, sawt.origin)).open(address), 'script', FIRST);
  await shown.is('open');
  await shown.$('.sawt-peek').click();
  await sawt.prints(/Every reader has voted/);
  await shown.results('30 صوتًا');
  assert.match(sawt.printed, /of 30 readers have voted; the tally: \d+ ballots, نعم \d+, لا \d+/);
  await sawt.prints(/the tally: 30 ballots, نعم \d+, لا \d+; 1 live stream/);
});

test('what else stands in the demo’s page shows what the simulated readers said', async () => {
  const { sawt, address } = await demo(30);
  // A page that is open before the first of them asks for an article's polls twice a minute.
  await sawt.prints(/Every reader has voted/);
  const page = await (await set.reader({ viewport: { width: 1280, height: 4000 } }, sawt.origin)).open(address);
  const voted = (scope) => page.locator(scope).locator('.sawt-votes').filter({ hasText: /[1-9]/ }).first().waitFor({ state: 'attached' });
  await voted('sawt-reactions');
  for (const scope of ['sawt-rating', '[aria-labelledby="quiz"]', '[aria-labelledby="prediction"]']) {
    await page.locator(scope).locator('.sawt-total').filter({ hasText: /\S/ }).first().waitFor({ state: 'attached' });
  }
  await page.locator('sawt-most-read a').first().waitFor();
});

test('each snippet of the demo’s page puts the poll into a page elsewhere', async () => {
  const { sawt, address } = await demo();
  const { publisher } = set;
  const reader = await set.reader({ permissions: ['clipboard-read', 'clipboard-write'] }, sawt.origin);
  const page = await reader.open(address);
  // What is said of it is gone after a moment.
  const copied = async (name) => {
    await page.bringToFront();
    await page.evaluate(() => {
      globalThis.sawtTestSaid = [];
      const said = document.querySelector('#copied');
      new MutationObserver(() => globalThis.sawtTestSaid.push(said.textContent)).observe(said, { childList: true });
    });
    await page.locator(`[data-copies="snippet-${name}"]`).click();
    await page.waitForFunction(() => globalThis.sawtTestSaid.includes('نُسخ النص'));
    return page.evaluate(() => navigator.clipboard.readText());
  };
  for (const [name, mode] of [['script', 'script'], ['element', 'element'], ['frame', 'iframe']]) {
    const other = Shown.in(await reader.open(publisher.holding(await copied(name))), mode);
    await other.is('open');
    await other.page.close();
  }
  const url = encodeURIComponent(await copied('wordpress'));
  assert.equal((await fetch(`${sawt.origin}/oembed?url=${url}`)).status, 200);
});
