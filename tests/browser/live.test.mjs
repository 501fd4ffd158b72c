// Other readers vote, and the page moves.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MODES, Shown } from './poll.mjs';
import { stage } from './stage.mjs';
import { FileStore, RedisStore } from './stores.mjs';

const set = stage();

for (const mode of MODES) {
  test(`another reader’s vote arrives by itself (${mode})`, async () => {
    const { sawt, publisher } = set;
    const poll = await sawt.poll({ site: await sawt.site([publisher.origin]) });
    const shown = await Shown.open({ reader: await set.reader(), publisher, sawt, poll, mode });
    await shown.vote('yes');
    await shown.results('صوت واحد');
    await sawt.vote(poll, ['no'], 3);
    const rows = await shown.results('4 أصوات');
    assert.deepEqual(rows.map(({ share }) => share), ['25%', '75%']);
  });
}

test('all polls of a page come by one stream, and it says nothing of what may not be seen', async () => {
  const { sawt, publisher } = set;
  const [one, other] = [await sawt.poll(), await sawt.poll({ results: 'after_vote' })];
  await sawt.vote(other, ['no'], 2);
  const reader = await set.reader();
  const open = new Set();
  const isStream = (request) => request.url().includes('/live');
  reader.context.on('request', (request) => isStream(request) && open.add(request));
  reader.context.on('requestfailed', (request) => open.delete(request));
  reader.context.on('requestfinished', (request) => open.delete(request));
  reader.excuse(/ERR_ABORTED/);
  const before = `<sawt-poll poll="${other.id}"></sawt-poll>`;
  const page = await reader.open(publisher.article('element', { sawt: sawt.origin, poll: one, before }));
  await page.locator('.sawt[data-state="open"]').nth(1).waitFor();
  await page.locator('.sawt-peek:visible').click();
  await sawt.vote(one, ['yes']);
  await page.locator(`sawt-poll[poll="${one.id}"] .sawt-total`).filter({ hasText: 'صوت واحد' }).waitFor();
  const polls = [...open].map((request) => new URL(request.url()).searchParams.get('polls').split(',').sort());
  assert.deepEqual(polls, [[one.id, other.id].sort()]);
  const hidden = page.locator(`sawt-poll[poll="${other.id}"] .sawt-total`);
  assert.equal(await hidden.textContent(), '');
});

test('a page that nobody sees hears nothing, and catches up when it is seen', async () => {
  const { sawt, publisher } = set;
  const poll = await sawt.poll();
  const reader = await set.reader();
  const shown = await Shown.open({ reader, publisher, sawt, poll, mode: 'script' });
  await shown.vote('yes');
  await shown.results('صوت واحد');
  /** As the browser does when a tab goes behind another. */
  const show = (isShown) =>
    shown.page.evaluate((isShown) => {
      Object.defineProperty(document, 'hidden', { configurable: true, value: !isShown });
      document.dispatchEvent(new Event('visibilitychange'));
    }, isShown);
  const ended = shown.page.waitForEvent('requestfailed', (request) => request.url().includes('/live'));
  reader.excuse(/ERR_ABORTED/);
  await show(false);
  await ended;
  await sawt.vote(poll, ['no'], 2);
  assert.equal(await shown.$('.sawt-total').textContent(), 'صوت واحد');
  await show(true);
  await shown.results('3 أصوات');
});

for (const [mode, label] of [['script', 'early-mark'], ['wordpress', 'opaque-origin']]) {
  test(`a vote brings the mark of its page, and while ballots are held an open page shows what all see (${mode})`, async () => {
    const { sawt, publisher } = set;
    const poll = await sawt.poll({ site: await sawt.site([publisher.origin]) });
    const shown = await Shown.open({ reader: await set.reader(), publisher, sawt, poll, mode });
    await shown.is('open');
    await shown.$('.sawt-peek').click();
    // What comes after the beginning of the stream.
    await sawt.vote(poll, ['no']);
    await shown.results('صوت واحد');
    await shown.$('.sawt-back').click();
    await shown.vote('yes');
    await shown.results('صوتان');
    const path = `/v1/polls/${poll.id}/integrity`;
    const { labels } = await sawt.ask('GET', path);
    const names = labels.filter(({ ballots }) => ballots).map(({ label }) => label);
    // It was cast within moments, or on a slow machine not.
    assert.ok([['no-mark', label], ['clean', 'no-mark']].some((expected) => `${expected}` === `${names}`), `${names}`);
    await sawt.ask('POST', `${path}/labels/no-mark`, { decision: 'held', reason: '؟' });
    // A frame without storage begins anew with the page that says so, and has forgotten its reader.
    if (mode === 'wordpress') await shown.$('.sawt-peek').click();
    const rows = await shown.results('أقل من 100 صوت');
    assert.deepEqual(rows.map(({ share }) => share), ['100%', '0%']);
    await sawt.ask('POST', `${path}/labels/no-mark`, { decision: 'counted', reason: '؟' });
    await shown.results('صوتان');
  });
}

// wp-polls #103 and #32, coralproject/talk #3445
for (const mode of MODES) {
  test(`page cache: a page kept since before the first vote shows today’s tally, and its reader votes (${mode})`, async () => {
    const { sawt, publisher } = set;
    const poll = await sawt.poll({ site: await sawt.site([publisher.origin]) });
    const cache = await set.cache();
    await cache.keep(poll);
    await sawt.vote(poll, ['no'], 3);
    const reader = await set.reader({}, cache.origin);
    const shown = await Shown.open({ reader, publisher, sawt: cache, poll, mode });
    await shown.is('open');
    await shown.$('.sawt-peek').click();
    await shown.results('3 أصوات');
    await shown.$('.sawt-back').click();
    await shown.vote('yes');
    await shown.results('4 أصوات');
    assert.equal((await sawt.tally(poll)).ballots, 4);
  });
}

test('page cache: a page kept since the poll was open says that it has closed', async () => {
  const { sawt, publisher } = set;
  const poll = await sawt.poll();
  const cache = await set.cache();
  await cache.keep(poll);
  await sawt.vote(poll, ['yes']);
  await sawt.close(poll);
  const reader = await set.reader({}, cache.origin);
  const shown = await Shown.open({ reader, publisher, sawt: cache, poll, mode: 'script' });
  await shown.is('closed');
  await shown.results('صوت واحد');
});

for (const mode of ['script', 'wordpress']) {
  test(`page cache: a page kept since before an edit says what was edited, and is asked for once more (${mode})`, async () => {
    const { sawt, publisher } = set;
    const poll = await sawt.poll();
    const cache = await set.cache();
    await cache.keep(poll);
    const options = [...poll.options, { id: 'perhaps', label: 'ربما' }];
    await sawt.ask('PATCH', `/v1/polls/${poll.id}`, { revision: 1, question: 'هل تغيّر السؤال؟', options, reason: 'غيره أوضح' });
    const shown = await Shown.open({ reader: await set.reader({}, cache.origin), publisher, sawt: cache, poll, mode });
    const question = shown.$('.sawt-question').filter({ hasText: 'هل تغيّر السؤال؟' });
    await question.waitFor();
    while (cache.served < 2) await shown.page.waitForTimeout(100);
    await question.waitFor();
    // As long as it took to ask, at the most.
    await shown.page.waitForTimeout(8_000);
    assert.equal(cache.served, 2);
  });
}

// What a store had told and lost: the votes since a copy of it was made.
for (const { what, Store } of [
  { what: 'Redis restarted with an older dump', Store: RedisStore },
  { what: 'a SQLite file put back from a backup', Store: FileStore },
]) {
  test(`an open page follows a store that lost votes (${what})`, async () => {
    const { publisher } = set;
    const store = await set.closedAtEnd(await Store.open());
    const { sawt } = store;
    const poll = await sawt.poll();
    await sawt.vote(poll, ['yes']);
    await store.keep();
    await sawt.vote(poll, ['no'], 2);
    const reader = await set.reader({}, sawt.origin);
    reader.excuse(/ERR_|Failed to load resource/);
    const shown = await Shown.open({ reader, publisher, sawt, poll, mode: 'script' });
    await shown.$('.sawt-peek').click();
    await shown.results('3 أصوات');
    // The stream has told it of the votes that will be lost.
    await sawt.vote(poll, ['no']);
    await shown.results('4 أصوات');
    await store.putBack();
    await shown.results('صوت واحد');
    const { epoch, version } = await sawt.tally(poll);
    assert.deepEqual([epoch, version], [1, 1]);
    // And it goes on from there.
    await sawt.vote(poll, ['no']);
    const rows = await shown.results('صوتان');
    assert.deepEqual(rows.map(({ share }) => share), ['50%', '50%']);
  });
}

test('a tally of before is passed over, whoever tells it, and one of a later epoch is not', async () => {
  const { sawt } = set;
  const poll = await sawt.poll();
  const reader = await set.reader();
  const page = await reader.open(`${sawt.origin}/embed/${poll.id}`);
  const totals = await page.evaluate(async () => {
    const { Poll } = await import(document.querySelector('script[type=module]').src);
    const root = document.querySelector('.sawt').cloneNode(true);
    const shown = new Poll(root, { from: location.origin, kept: new Map() });
    return [[0, 5], [0, 3], [0, 6], [1, 2], [0, 9], [undefined, 9], [1, 3], [2, 0]].map(([epoch, version]) => {
      const options = [{ id: 'yes', votes: version }, { id: 'no', votes: 0 }];
      shown.draw({ epoch, version, ballots: version, options });
      return Number.parseInt(root.querySelector('.sawt-votes').textContent, 10) || root.querySelector('.sawt-votes').textContent;
    });
  });
  const words = totals.map((total) => (typeof total === 'number' ? total : { صوتان: 2 }[total] ?? 0));
  assert.deepEqual(words, [5, 5, 6, 2, 2, 2, 3, 0]);
});

test('bars move no more than once a second, however many votes come', async () => {
  const { sawt, publisher } = set;
  const poll = await sawt.poll();
  const shown = await Shown.open({ reader: await set.reader(), publisher, sawt, poll, mode: 'script' });
  await shown.vote('yes');
  await shown.$('.sawt-total').evaluate((total) => {
    globalThis.sawtTestMoves = [];
    const note = () => globalThis.sawtTestMoves.push(performance.now());
    new MutationObserver(note).observe(total, { childList: true, characterData: true, subtree: true });
  });
  await sawt.vote(poll, ['no'], 60);
  await shown.results('61 صوتًا');
  const moves = await shown.page.evaluate(() => globalThis.sawtTestMoves);
  // When a move is noted depends on when the browser gets to it, so they are counted over all the time.
  const [first, last] = [moves[0], moves.at(-1)];
  assert.ok(last - first > (moves.length - 1) * 1000 - 500, `the total moved at ${moves.map(Math.round)} ms`);
});
