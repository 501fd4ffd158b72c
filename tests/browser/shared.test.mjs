// mercure #648: six streams hold a browser's six connections. Pages and frames of one origin share one stream, whatever
// their number; what can share nothing holds none.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MODES } from './publisher.mjs';
import { stage } from './stage.mjs';

const set = stage();

/** A reader, and the streams that are open in their browser. */
async function come() {
  const reader = await set.reader();
  reader.excuse(/ERR_ABORTED/);
  const streams = new Set();
  reader.context.on('request', (request) => request.url().includes('/live') && streams.add(request));
  for (const ended of ['requestfailed', 'requestfinished']) reader.context.on(ended, (request) => streams.delete(request));
  // What a page that closes had open ends without a word.
  reader.context.on('page', (page) => page.on('close', () => {
    for (const stream of streams) if (stream.frame().page() === page) streams.delete(stream);
  }));
  return { reader, streams };
}

/** Waits until so many streams are open. */
async function held(streams, count) {
  while (streams.size !== count) await new Promise((later) => setTimeout(later, 50));
}

const polls = (count, members) => Promise.all(Array.from({ length: count }, () => set.sawt.poll(members)));

// One above the other, so that all are seen: a poll that is not has no stream.
const PILED = '<style>sawt-poll, iframe { position: absolute; inset-block-start: 0 }</style>';

/** Polls in one page, in frames or as elements. */
function holding(mode, polls) {
  const { sawt, publisher } = set;
  return publisher.holding(PILED + polls.map((poll) => MODES[mode]({ sawt: sawt.origin, poll: poll.id })).join(''));
}

const total = (scope, text) => scope.locator('.sawt-total').filter({ hasText: text });

/** The poll in the frame that stands at this place. */
const framed = (page, place) => page.frameLocator(`iframe >> nth=${place}`);

/** As the browser does when a tab goes behind another. */
const show = (page, isShown) =>
  page.evaluate((isShown) => {
    Object.defineProperty(document, 'hidden', { configurable: true, value: !isShown });
    document.dispatchEvent(new Event('visibilitychange'));
  }, isShown);

for (const mode of ['iframe', 'wordpress']) {
  test(`a vote leaves a page with eight frames of polls, and its tally moves in all of them (${mode})`, async () => {
    const { sawt } = set;
    const { reader, streams } = await come();
    const eight = await polls(8);
    const page = await reader.open(holding(mode, eight));
    for (const place of eight.keys()) await framed(page, place).locator('.sawt[data-state="open"]').waitFor();
    // Where its reader reaches it.
    await page.locator('iframe').first().evaluate((frame) => (frame.style.zIndex = 1));
    await framed(page, 0).locator('input[value="yes"]').check();
    await framed(page, 0).locator('.sawt-vote').click();
    await framed(page, 0).locator('.sawt[data-state="voted"]').waitFor();
    assert.equal((await sawt.tally(eight[0])).ballots, 1);
    for (const poll of eight) await sawt.vote(poll, ['no']);
    await total(framed(page, 0), 'صوتان').waitFor({ state: 'attached' });
    for (const place of eight.keys()) {
      if (place) await total(framed(page, place), 'صوت واحد').waitFor({ state: 'attached' });
    }
    await held(streams, mode === 'iframe' ? 1 : 0);
  });
}

for (const locks of ['with', 'without']) {
  test(`pages of one origin share one stream; if the one that holds it goes, another has it at once (${locks} locks)`, async () => {
    const { sawt, publisher } = set;
    const { reader, streams } = await come();
    // As for a frame of another site.
    if (locks === 'without') {
      await reader.context.addInitScript(() => {
        if (navigator.locks) navigator.locks.request = () => Promise.reject(new DOMException('', 'SecurityError'));
      });
    }
    const poll = await sawt.poll();
    const article = publisher.article('element', { sawt: sawt.origin, poll });
    const [one, other, third] = [await reader.open(article), await reader.open(article), await reader.open(article)];
    const moves = async (pages, text) => {
      await sawt.vote(poll, ['yes']);
      for (const page of pages) await total(page, text).waitFor({ state: 'attached' });
      await held(streams, 1);
    };
    await moves([one, other, third], 'صوت واحد');
    await one.close();
    await moves([other, third], 'صوتان');
    await show(other, false);
    await moves([third], '3 أصوات');
    assert.equal(await other.locator('.sawt-total').textContent(), 'صوتان', 'what nobody sees hears nothing');
    await show(other, true);
    await moves([other, third], '4 أصوات');
  });
}

test('the 51st poll of a page moves too, by the one stream of the page or without one', async () => {
  const { sawt } = set;
  const { reader, streams } = await come();
  const many = await polls(51);
  const page = await reader.open(holding('element', many));
  await page.locator('.sawt[data-state="open"]').nth(50).waitFor();
  for (const poll of [many[0], many[50]]) await sawt.vote(poll, ['yes']);
  await total(page, 'صوت واحد').nth(1).waitFor({ state: 'attached' });
  await held(streams, 1);
});

test('a page that holds the stream and is frozen is not waited for', async () => {
  const { sawt, publisher } = set;
  const { reader, streams } = await come();
  await reader.context.clock.install();
  const poll = await sawt.poll();
  const article = publisher.article('element', { sawt: sawt.origin, poll });
  const pages = [await reader.open(article), await reader.open(article)];
  await sawt.vote(poll, ['yes']);
  for (const page of pages) await total(page, 'صوت واحد').waitFor({ state: 'attached' });
  // Either may have come first: a slow one is overtaken.
  await held(streams, 1);
  const holds = (page) => [...streams].some((stream) => stream.frame().page() === page);
  const [frozen, other] = holds(pages[0]) ? pages : pages.reverse();
  // It hears nothing and says nothing any more, and still has the lock.
  await frozen.evaluate(() => {
    BroadcastChannel.prototype.postMessage = () => {};
  });
  const opened = other.waitForRequest((request) => request.url().includes('/live'));
  await other.clock.fastForward(60_000);
  await opened;
  await sawt.vote(poll, ['yes']);
  await total(other, 'صوتان').waitFor({ state: 'attached' });
});

test('a browser that can share nothing has one stream a page, and none a frame', async () => {
  const { sawt } = set;
  const { reader, streams } = await come();
  await reader.context.addInitScript(() => {
    globalThis.BroadcastChannel = undefined;
  });
  const [one, other] = await polls(2);
  const markup = [MODES.element({ sawt: sawt.origin, poll: one.id }), MODES.iframe({ sawt: sawt.origin, poll: other.id })];
  const page = await reader.open(set.publisher.holding(markup.join('')));
  await page.locator('sawt-poll .sawt[data-state="open"]').waitFor();
  await framed(page, 0).locator('.sawt[data-state="open"]').waitFor();
  for (const poll of [one, other]) await sawt.vote(poll, ['yes']);
  await total(page.locator('sawt-poll'), 'صوت واحد').waitFor({ state: 'attached' });
  await total(framed(page, 0), 'صوت واحد').waitFor({ state: 'attached' });
  assert.deepEqual([...streams].map((stream) => stream.frame() === page.mainFrame()), [true]);
});
