// With JavaScript off the same page is a form.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DESKTOP, PHONE, axe, picture } from './browser.mjs';
import { Shown } from './poll.mjs';
import { stage } from './stage.mjs';

const set = stage();

async function open(members, options) {
  const { sawt, publisher } = set;
  const poll = await sawt.poll(members);
  const reader = await set.reader({ javaScriptEnabled: false, viewport: PHONE, ...options });
  // The poll's own address leads there by itself.
  const page = await reader.open(`${sawt.origin}/embed/${poll.id}`);
  await page.waitForURL(`**/embed/${poll.id}/form`);
  return { sawt, publisher, poll, reader, page, shown: Shown.in(page, 'page') };
}

/** What axe-core says of this address. It needs timers, which a browser without JavaScript has not; the page is the same. */
async function axeAt(page, options) {
  return axe(await (await set.reader(options)).open(page.url()));
}

for (const [language, viewport] of [['ar', PHONE], ['en', DESKTOP]]) {
  test(`without JavaScript a reader votes by a form and sees the results (${language})`, async () => {
    const { sawt, poll, page, reader, shown } = await open({ language, results: 'after_vote' }, { viewport });
    await sawt.vote(poll, ['no']);
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme });
      assert.deepEqual(await axeAt(page, { viewport, colorScheme }), []);
      await picture(page, `form-${language}-open-${colorScheme}`);
    }
    assert.deepEqual(await reader.stored(), [], 'something is stored before a vote');
    await shown.choose('yes');
    await shown.press();
    await shown.is('voted');
    assert.equal(await shown.$('.sawt-total').textContent(), language === 'ar' ? 'صوتان' : '2 votes');
    assert.match(await shown.$('[role="status"]').textContent(), language === 'ar' ? /سُجّل صوتك/ : /Your vote was counted/);
    await shown.$('[data-option="yes"] .sawt-mine').waitFor();
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme });
      assert.deepEqual(await axeAt(page, { viewport, colorScheme }), []);
      await picture(page, `form-${language}-voted-${colorScheme}`);
    }
    // What is there now was asked for by GET, so to load it again sends nothing.
    await page.reload();
    await shown.is('voted');
    assert.equal((await sawt.tally(poll)).ballots, 2);
    assert.deepEqual(await reader.stored(), ['cookie __Host-sawt_voter of 127.0.0.1']);
  });
}

test('the form is part of the page in a frame without JavaScript, too', async () => {
  const { sawt, publisher } = set;
  const poll = await sawt.poll({ site: await sawt.site([publisher.origin]) });
  // Not by the test's own switch: that reaches the process of another site's frame late, now and then.
  const reader = await set.readerWithout('javascript');
  const shown = await Shown.open({ reader, publisher, sawt, poll, mode: 'iframe', isAwaited: false });
  // The frame's address leads to the form by itself: a choice made before that would go with the page it was made in.
  await shown.$('[name="voter"]').waitFor({ state: 'attached' });
  await shown.vote('yes');
  assert.equal((await sawt.tally(poll)).ballots, 1);
});

test('a form that is sent twice is one vote', async () => {
  const { sawt, poll, page, shown } = await open();
  const sending = page.waitForRequest((request) => request.method() === 'POST');
  await shown.choose('yes');
  await shown.press();
  await shown.is('voted');
  // To the byte, as a browser sends it whose answer was lost.
  const sent = await sending;
  const again = await fetch(sent.url(), { method: 'POST', headers: await sent.allHeaders(), body: sent.postData(), redirect: 'manual' });
  assert.equal(again.status, 303);
  assert.equal((await sawt.tally(poll)).ballots, 1);
});

test('a form that is sent again with another choice is told of the ballot on record', async () => {
  const { sawt, poll, page, reader, shown } = await open();
  reader.excuse(/the server responded with a status of 409/);
  // The same page in another tab, as browsers restore it: with the token it had.
  const other = Shown.in(await reader.open(page.url()), 'page');
  const token = await shown.$('input[name="voter"]').inputValue();
  await other.$('input[name="voter"]').evaluate((input, token) => (input.value = token), token);
  await shown.choose('yes');
  await shown.press();
  await shown.is('voted');
  await other.choose('no');
  await other.press();
  await other.is('voted');
  assert.match(await other.$('[role="status"]').textContent(), /مسجّل من قبل/);
  await other.$('[data-option="yes"] .sawt-mine').waitFor();
  assert.deepEqual((await sawt.tally(poll)).options.map(({ votes }) => votes), [1, 0]);
});

test('who goes back, or comes back, is still the same voter', async () => {
  const { sawt, poll, page, reader, shown } = await open();
  await shown.choose('yes');
  await shown.press();
  await shown.is('voted');
  await page.goBack();
  await shown.is('voted');
  const later = Shown.in(await reader.open(`${sawt.origin}/embed/${poll.id}`), 'page');
  await later.is('voted');
  await later.$('[data-option="yes"] .sawt-mine').waitFor();
  assert.equal((await sawt.tally(poll)).ballots, 1);
});

test('without a choice the browser says so, and several are sent by checkboxes', async () => {
  const options = ['أ', 'ب', 'ج'].map((label, place) => ({ id: `o${place}`, label }));
  const { sawt, poll, reader, shown } = await open({ kind: 'multiple', max_choices: 2, options });
  reader.excuse(/the server responded with a status of 422/);
  await shown.press();
  await shown.$('[role="status"]').filter({ hasText: 'اختر إجابة أولًا' }).waitFor();
  await shown.choose('o0', 'o2');
  await shown.press();
  await shown.is('voted');
  assert.deepEqual((await sawt.tally(poll)).options.map(({ votes }) => votes), [1, 0, 1]);
});

test('with too many ticks, or too few, the form comes back with them, and says how many are wanted', async () => {
  const options = ['أ', 'ب', 'ج', 'د'].map((label, place) => ({ id: `o${place}`, label }));
  const { sawt, poll, page, reader, shown } = await open({ kind: 'multiple', min_choices: 2, max_choices: 2, options });
  reader.excuse(/the server responded with a status of 422/);
  const ticked = () => shown.$('input:checked').evaluateAll((all) => all.map(({ value }) => value));
  for (const [choices, said] of [
    [['o0', 'o1', 'o3'], 'اخترت 3. اختر 2 على الأكثر.'],
    [['o3'], 'اخترت 1. اختر 2 على الأقل.'],
  ]) {
    for (const { id } of options) await shown.$(`[value="${id}"]`).setChecked(choices.includes(id));
    await shown.press();
    await shown.says(said);
    assert.deepEqual(await ticked(), choices);
    // The reader begins there, however long the form is.
    assert.equal(await page.evaluate(() => document.activeElement.getAttribute('role')), 'status');
    await picture(page, `form-ticks-${choices.length}`);
  }
  await shown.choose('o0');
  await shown.press();
  await shown.is('voted');
  assert.deepEqual((await sawt.tally(poll)).options.map(({ votes }) => votes), [1, 0, 0, 1]);
});

test('a closed poll, and one that is not open yet, are shown without a form to send', async () => {
  const { sawt } = set;
  const closed = await sawt.poll();
  await sawt.vote(closed, ['yes']);
  await sawt.close(closed);
  const scheduled = await sawt.poll({ opens_at: '2999-03-01T09:30:00Z' });
  const reader = await set.reader({ javaScriptEnabled: false });
  for (const [poll, state] of [[closed, 'closed'], [scheduled, 'scheduled']]) {
    const page = await reader.open(`${sawt.origin}/embed/${poll.id}/form`);
    const shown = Shown.in(page, 'page');
    await shown.is(state);
    assert.equal(await page.locator('button:enabled:visible').count(), 0);
    assert.equal(await page.locator('input[name="voter"]').count(), 0);
  }
});

// wp-polls #80 and #81, CVE-2016-20067: 318,000 votes through forum signatures.
test('hidden form voted: neither a form nor a picture on a stranger’s page does', async () => {
  const { sawt, publisher } = set;
  const poll = await sawt.poll({ site: await sawt.site() });
  const reader = await set.reader();
  reader.excuse(/Failed to load resource|responded with a status of/);
  const minted = await sawt.ask('POST', '/v1/voters', undefined, '');
  const action = `${sawt.origin}/embed/${poll.id}/form`;
  const page = await reader.open(`${publisher.origin}/blank`);
  // The stranger has a token of their own: it is the reader's visit that must not become a vote.
  await page.setContent(`
    <img src="${action}?choices=yes&voter=${minted.voter}" alt="">
    <form method="post" action="${action}">
      <input type="hidden" name="voter" value="${minted.voter}">
      <input type="hidden" name="choices" value="yes">
    </form>`);
  const [answer] = await Promise.all([
    page.waitForResponse((response) => response.request().method() === 'POST'),
    page.evaluate(() => document.querySelector('form').submit()),
  ]);
  assert.equal(answer.status(), 403);
  await page.locator('.sawt').waitFor();
  await picture(page, 'form-refused');
  assert.deepEqual(await axe(page), []);
  assert.equal((await sawt.tally(poll)).ballots, 0);
});
