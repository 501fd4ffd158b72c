// Every way a poll gets before a reader, in both directions of writing, at both sizes and in both themes: it votes,
// shows what came of it, is as accessible before as after, and moves nothing around it.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DESKTOP, PHONE, axe, picture, shifted } from './browser.mjs';
import { MODES, Shown } from './poll.mjs';
import { stage } from './stage.mjs';

const set = stage();

const SCREENS = [
  { size: 'phone', viewport: PHONE, theme: 'light' },
  { size: 'desktop', viewport: DESKTOP, theme: 'dark' },
  { size: 'phone', viewport: PHONE, theme: 'dark' },
  { size: 'desktop', viewport: DESKTOP, theme: 'light' },
];

// The markup and its style are the same in all modes, so in most of them each size and each theme is tried once.
const screensFor = (mode) => (mode === 'script' || mode === 'page' ? SCREENS : SCREENS.slice(0, 2));

const SAID = {
  ar: { total: '4 أصوات', thanks: 'سُجّل صوتك', yes: '3 أصوات', no: 'صوت واحد' },
  en: { total: '4 votes', thanks: 'Your vote was counted', yes: '3 votes', no: '1 vote' },
};

for (const mode of MODES) {
  for (const language of ['ar', 'en']) {
    for (const { size, viewport, theme } of screensFor(mode)) {
      test(`${mode}, ${language}, ${size}, ${theme}: a reader votes and sees the results`, async () => {
        const { sawt, publisher } = set;
        const poll = await sawt.poll({ language, site: await sawt.site([publisher.origin]) });
        await sawt.vote(poll, ['yes'], 2);
        await sawt.vote(poll, ['no']);
        const reader = await set.reader({ viewport, colorScheme: theme, locale: language, reducedMotion: 'reduce' });
        const shown = await Shown.open({ reader, publisher, sawt, poll, mode });
        await shown.is('open');
        await assertFits(shown);
        assert.deepEqual(await axe(shown.page), []);
        await picture(shown.page, `${mode}-${language}-${size}-${theme}-open`);
        const before = await shown.box('.sawt');

        await shown.vote('yes');
        const said = SAID[language];
        assert.deepEqual(await shown.results(said.total), [
          { option: 'yes', votes: said.yes, share: '75%' },
          { option: 'no', votes: said.no, share: '25%' },
        ]);
        await shown.says(said.thanks);
        await assertFits(shown);
        assert.deepEqual(await axe(shown.page), []);
        await picture(shown.page, `${mode}-${language}-${size}-${theme}-voted`);

        const after = await shown.box('.sawt');
        assert.deepEqual([after.width, after.height], [before.width, before.height], 'voting changes the size');
        assert.equal((await sawt.tally(poll)).ballots, 4);
      });
    }
  }
}

/** Nothing sticks out of the page sideways, and the page has not moved since the poll arrived. */
async function assertFits(shown) {
  const frame = await shown.frame();
  for (const part of [shown.page.mainFrame(), frame]) {
    const [wide, room] = await part.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(wide <= room, `${wide} pixels in ${room}`);
  }
  assert.deepEqual(await shifted(shown.page), [], 'the page moved under the reader');
}
