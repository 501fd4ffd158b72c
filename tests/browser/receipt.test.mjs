// That a ballot is recorded: told to a reader who comes back to a poll that has closed, with a file to check it by.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

import { PHONE, axe, picture } from './browser.mjs';
import { Shown } from './poll.mjs';
import { SEED } from './sawt.mjs';
import { stage } from './stage.mjs';

const set = stage();

/** Waits until the log has taken in the ballots of a site's closed poll, which it does by itself. */
async function areLogged(sawt, site) {
  const openings = `${sawt.origin}/v1/sites/${site}/log/1/openings/0`;
  while (!(await (await fetch(openings)).text()).includes('poll.ballots')) await new Promise((done) => setTimeout(done, 20));
}

test('a reader who comes back to a closed poll is given the receipt of their ballot, and who has none is not', async () => {
  const { sawt, publisher } = set;
  const poll = await sawt.poll(SEED.ar);
  const reader = await set.reader({ viewport: PHONE });
  const shown = await Shown.open({ reader, publisher, sawt, poll, mode: 'page' });
  await shown.vote('no');
  await sawt.close(poll);
  await shown.is('closed');
  assert.equal(await shown.$('.sawt-recorded').count(), 0, 'nobody asks at the moment of the close');

  await areLogged(sawt, 'default');

  // At an address of its own: the browser keeps the page of the open poll for a moment.
  const again = await Shown.open({ reader, publisher, sawt, poll, mode: 'page', theme: 'light' });
  const link = again.$('.sawt-recorded a');
  await link.filter({ hasText: 'صوتك مسجّل في سجل الشفافية' }).waitFor();
  const [saved] = await Promise.all([again.page.waitForEvent('download'), link.click()]);
  assert.equal(saved.suggestedFilename(), `${poll.id}.receipt.json`);
  const receipt = JSON.parse(await readFile(await saved.path(), 'utf8'));
  assert.equal(receipt.type, 'sawt.receipt/v1');
  assert.deepEqual(JSON.parse(receipt.ballot.statement).choices, ['no']);
  for (const colorScheme of ['light', 'dark']) {
    await again.page.emulateMedia({ colorScheme });
    assert.deepEqual(await axe(again.page), []);
    await picture(again.page, `receipt-${colorScheme}`);
  }

  const stranger = await set.reader({ viewport: PHONE });
  const seen = await Shown.open({ reader: stranger, publisher, sawt, poll, mode: 'page' });
  await seen.is('closed');
  assert.equal(await seen.$('.sawt-recorded').count(), 0);
});

test('so is one who comes back to an article that is named by its address', async () => {
  const { sawt, publisher } = set;
  const site = await sawt.site([publisher.origin]);
  const template = { kind: 'rating', question: 'ما تقييمك لهذه التغطية؟', language: 'ar' };
  await sawt.ask('PUT', `/v1/sites/${site}/templates/stars`, { poll: template, articles: 'own-origins' });
  const page = (more) => publisher.holding(`<html lang="ar" dir="rtl"><link rel="canonical" href="${publisher.origin}/news/7">
    <script type="module" src="${sawt.origin}/embed/article.js"></script><sawt-rating site="${site}" ${more}></sawt-rating>`);
  const reader = await set.reader({ viewport: PHONE });
  const shown = Shown.in(await reader.open(page('')), 'element');
  await shown.is('open');
  await shown.$('label:has(input[value="4"])').click();
  await shown.press();
  await shown.is('voted');
  await sawt.close({ id: await shown.root.getAttribute('data-poll') });
  await shown.is('closed');
  await areLogged(sawt, site);
  const again = Shown.in(await reader.open(page('theme="light"')), 'element');
  await again.$('.sawt-recorded a').filter({ hasText: 'صوتك مسجّل في سجل الشفافية' }).waitFor();
});
