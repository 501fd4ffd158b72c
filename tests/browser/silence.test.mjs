// zulip-mobile #344, couchdb #222: a request without a deadline, a stream half open: the spinner turned for ever.
// underscore #1473, rxjs #6874: the clock was set back and everything throttled stood still.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { PHONE, axe, picture } from './browser.mjs';
import { Shown } from './poll.mjs';
import { stage } from './stage.mjs';
import { HEAD_ONLY, SILENCE } from './stranger.mjs';

const set = stage();

const VOTE = /^POST .*\/votes$/;
const BALLOT = /^POST .*\/votes\/mine$/;
const STREAM = /^GET .*\/live/;

/** A poll met by way of somebody who may fall silent, by a reader whose time the test passes. */
async function meet(options = {}) {
  const { sawt, publisher } = set;
  const poll = await sawt.poll();
  const stranger = await set.stranger();
  const reader = await set.reader(options, stranger.origin);
  reader.excuse(/net::ERR_|Failed to load resource/);
  await reader.context.clock.install();
  const open = () => Shown.open({ reader, publisher, sawt: stranger, poll, mode: 'page' });
  return { sawt, poll, stranger, open };
}

for (const [what, answer] of [['nothing', SILENCE], ['the head of an answer alone', HEAD_ONLY]]) {
  test(`who is sent ${what} for the vote is offered to try again, and a vote is sent again by itself`, async () => {
    const { sawt, poll, stranger, open } = await meet({ viewport: PHONE });
    const shown = await open();
    await shown.choose('yes');
    stranger.answers(VOTE, answer);
    await shown.press();
    await stranger.isAsked(VOTE);
    // The reader can end it before the deadline does.
    await shown.page.clock.fastForward(5_000);
    await shown.$('.sawt-retry').waitFor();
    await shown.says('جارٍ إرسال');
    await shown.$('.sawt-retry').click();
    await stranger.isAsked(VOTE, 2);
    // And need not.
    await shown.page.clock.fastForward(16_000);
    await shown.is('offline');
    await shown.$('.sawt-retry').waitFor();
    stranger.goes();
    await shown.is('voted');
    assert.equal((await sawt.tally(poll)).ballots, 1);
  });

  test(`a ballot is asked for again after ${what}`, async () => {
    const { stranger, open } = await meet();
    const shown = await open();
    await shown.vote('yes');
    stranger.answers(BALLOT, answer, 1);
    await shown.page.reload();
    await stranger.isAsked(BALLOT);
    await shown.page.clock.fastForward(16_000);
    await shown.is('voted');
  });

  test(`a stream is begun again after ${what}`, async () => {
    const { sawt, poll, stranger, open } = await meet();
    stranger.answers(STREAM, { ...answer, type: 'text/event-stream' }, 1);
    const shown = await open();
    await stranger.isAsked(STREAM);
    await shown.page.clock.fastForward(38_000);
    await sawt.vote(poll, ['yes']);
    await shown.$('.sawt-total').filter({ hasText: 'صوت واحد' }).waitFor({ state: 'attached' });
    assert.equal(stranger.asked(STREAM), 2);
  });
}

test('a vote on its way for long looks as it should, in either theme', async () => {
  const { stranger, open } = await meet({ viewport: PHONE });
  const shown = await open();
  await shown.choose('yes');
  stranger.answers(VOTE, SILENCE);
  await shown.press();
  await stranger.isAsked(VOTE);
  await shown.page.clock.fastForward(5_000);
  await shown.$('.sawt-retry').waitFor();
  for (const theme of ['light', 'dark']) {
    await shown.page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
    assert.deepEqual(await axe(shown.page), []);
    await picture(shown.page, `state-late-ar-${theme}`);
  }
});

test('a clock that is set back ten minutes stops nothing', async () => {
  const { sawt, poll, open } = await meet();
  const shown = await open();
  await shown.vote('yes');
  const moves = async (text) => {
    await sawt.vote(poll, ['no']);
    await shown.$('.sawt-total').filter({ hasText: text }).waitFor();
  };
  await moves('صوتان');
  const before = await shown.page.evaluate(() => Date.now());
  await shown.page.clock.setSystemTime(before - 600_000);
  assert.ok((await shown.page.evaluate(() => Date.now())) < before);
  await moves('3 أصوات');
  await moves('4 أصوات');
});
