// What is kept on a reader's device, and what a vote does without it.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { PHONE } from './browser.mjs';
import { MODES, Shown } from './poll.mjs';
import { stage } from './stage.mjs';

const set = stage();

/** What the poll's own frame has stored, and the page around it: cookies too. */
async function stored(reader, shown) {
  const found = await reader.stored();
  for (const frame of new Set([shown.page.mainFrame(), await shown.frame()])) {
    found.push(
      ...(await frame.evaluate(async () => {
        try {
          return [
            ...Object.keys(localStorage),
            ...Object.keys(sessionStorage),
            ...(await indexedDB.databases()).map(({ name }) => name),
            ...(await caches.keys()),
            ...(await navigator.serviceWorker.getRegistrations()).map(({ scope }) => scope),
            ...document.cookie.split('; ').filter(Boolean),
          ];
        } catch {
          // A frame without an origin, or one whose storage the browser blocks as a third party's: nothing to look into.
          return [];
        }
      })),
    );
  }
  return [...new Set(found)];
}

for (const mode of MODES) {
  test(`nothing is stored on the device before a vote, however much is looked at (${mode})`, async () => {
    const { sawt, publisher } = set;
    const poll = await sawt.poll();
    const reader = await set.reader();
    const shown = await Shown.open({ reader, publisher, sawt, poll, mode });
    await shown.is('open');
    await shown.choose('yes');
    await shown.$('.sawt-peek').click();
    await shown.$('.sawt-back').click();
    await sawt.vote(poll, ['no']);
    await shown.$('.sawt-total').filter({ hasText: 'صوت واحد' }).waitFor({ state: 'attached' });
    assert.deepEqual(await stored(reader, shown), []);
    assert.equal((await sawt.tally(poll)).ballots, 1);
  });
}

test('after a vote a device keeps one token, no cookie, and nothing of what was chosen', async () => {
  const { sawt, publisher } = set;
  const poll = await sawt.poll();
  const reader = await set.reader();
  const shown = await Shown.open({ reader, publisher, sawt, poll, mode: 'script' });
  await shown.vote('yes');
  const key = `sawt.voter ${sawt.origin}`;
  assert.deepEqual(await stored(reader, shown), [`${key} in ${publisher.origin}`, key]);
});

for (const mode of ['script', 'element']) {
  test(`with data-storage=none nothing is stored at all, and the vote counts (${mode})`, async () => {
    const { sawt, publisher } = set;
    const poll = await sawt.poll();
    const reader = await set.reader();
    const shown = await Shown.open({ reader, publisher, sawt, poll, mode, storage: 'none' });
    await shown.vote('yes');
    await shown.results('صوت واحد');
    assert.deepEqual(await stored(reader, shown), []);
    assert.equal((await sawt.tally(poll)).ballots, 1);
  });
}

// polis #964, crowdsignal-forms #315
for (const mode of MODES) {
  test(`votes from an iframe silently lost without cookies: where the browser blocks all storage they count (${mode})`, async () => {
    const { sawt, publisher } = set;
    const poll = await sawt.poll({ site: await sawt.site([publisher.origin]) });
    const reader = await set.readerWithout('cookies', { viewport: PHONE });
    const shown = await Shown.open({ reader, publisher, sawt, poll, mode });
    await shown.is('open');
    const isBlocked = await (await shown.frame()).evaluate(() => {
      try {
        return localStorage.length < 0;
      } catch (error) {
        return error.name;
      }
    });
    assert.equal(isBlocked, 'SecurityError', 'the browser lets the page store');
    await shown.vote('yes');
    await shown.results('صوت واحد');
    assert.equal((await sawt.tally(poll)).ballots, 1);
    // The same voter, as long as the page is open.
    assert.ok(await shown.$('[data-option="yes"] .sawt-mine').isVisible());
  });
}

for (const mode of MODES) {
  test(`no request of the poll carries a cookie (${mode})`, async () => {
    const { sawt, publisher } = set;
    const poll = await sawt.poll({ site: await sawt.site([publisher.origin]) });
    const reader = await set.reader();
    // One that came by another way, and would be sent if cookies were.
    await reader.context.addCookies([{ name: 'a', value: 'b', domain: '127.0.0.1', path: '/' }]);
    const cookies = [];
    let votes = 0;
    reader.context.on('request', (request) => {
      if (request.resourceType() !== 'fetch') return;
      votes += request.url().endsWith(`/${poll.id}/votes`);
      cookies.push(request.allHeaders().then((headers) => headers.cookie));
    });
    const shown = await Shown.open({ reader, publisher, sawt, poll, mode });
    await shown.vote('yes');
    const sent = await Promise.all(cookies);
    assert.ok(votes > 0, 'the vote was not among the requests');
    assert.deepEqual(sent.filter(Boolean), []);
  });
}

test('a reader who comes back is known by the token alone, and votes once', async () => {
  const { sawt, publisher } = set;
  const poll = await sawt.poll();
  const reader = await set.reader();
  const shown = await Shown.open({ reader, publisher, sawt, poll, mode: 'script' });
  await shown.vote('yes');
  const again = await Shown.open({ reader, publisher, sawt, poll, mode: 'element' });
  await again.is('voted');
  assert.ok(await again.$('[data-option="yes"] .sawt-mine').isVisible());
  assert.equal((await sawt.tally(poll)).ballots, 1);
});

test('a token that is no good any more is replaced, and the vote counts', async () => {
  const { sawt, publisher } = set;
  const poll = await sawt.poll();
  const reader = await set.reader();
  reader.excuse(/the server responded with a status of 401/);
  const page = await reader.open(`${publisher.origin}/blank`);
  await page.evaluate(() => localStorage.setItem('sawt.voter', 'of-another-age'));
  const shown = await Shown.open({ reader, publisher, sawt, poll, mode: 'script' });
  await shown.vote('yes');
  assert.equal((await sawt.tally(poll)).ballots, 1);
});

test('two polls that are voted on in one page get one voter', async () => {
  const { sawt, publisher } = set;
  const [one, other] = [await sawt.poll(), await sawt.poll()];
  const reader = await set.reader();
  const voters = new Set();
  reader.context.on('request', (request) => {
    if (!request.url().endsWith('/votes')) return;
    // The second may be sent after the first was answered, and then by the token that was given for the same nonce.
    const { nonce } = JSON.parse(request.postData()).voter;
    if (nonce) voters.add(nonce);
  });
  const before = `<sawt-poll poll="${other.id}"></sawt-poll>`;
  const page = await reader.open(publisher.article('element', { sawt: sawt.origin, poll: one, before }));
  for (const poll of [one, other]) {
    await page.locator(`sawt-poll[poll="${poll.id}"] .sawt[data-state="open"]`).waitFor();
    await page.locator(`sawt-poll[poll="${poll.id}"] input[value="yes"]`).check();
  }
  // Both before either is answered.
  await page.evaluate(() => {
    for (const poll of document.querySelectorAll('sawt-poll')) poll.shadowRoot.querySelector('.sawt-vote').click();
  });
  await page.locator('.sawt[data-state="voted"]').nth(1).waitFor();
  assert.equal(voters.size, 1);
  assert.deepEqual([(await sawt.tally(one)).ballots, (await sawt.tally(other)).ballots], [1, 1]);
});
