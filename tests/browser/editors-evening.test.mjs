// An editor's evening, in Arabic: something goes on in the poll, and the editor notes it, looks, holds what came, voids it,
// closes the poll and publishes the figure, and corrects it beside that when it turns out to have been a school's.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { editor, looked } from './newsroom.mjs';
import { Shown, look } from './poll.mjs';
import { stage } from './stage.mjs';

const set = stage({ SAWT_QUOTA_MINT: 'off', SAWT_QUOTA_BALLOT: 'off', SAWT_QUOTA_CLIENT: 'off' });
const DISPUTED = /هذه النتيجة موضع شك/;

test('an editor’s evening: an incident is noted, looked at, held, made void, published, and corrected', async () => {
  const { sawt, publisher } = set;
  const { site, page } = await editor(set, { reducedMotion: 'reduce' });
  const poll = await sawt.poll({ site, language: 'ar' });
  await sawt.vote(poll, ['yes'], 3);
  await sawt.vote(poll, ['no'], 1);
  await page.goto(`${sawt.origin}/newsroom/sites/${site}/polls/${poll.id}`);
  await page.locator('.grade').filter({ hasText: 'نتيجة سليمة' }).waitFor();
  const incidents = page.locator('#incidents');
  await incidents.filter({ hasText: 'لم يُلاحظ شيء' }).waitFor();

  // A call to vote goes round, and the editor notes it.
  await incidents.locator('summary').click();
  await incidents.getByLabel('السبب').fill('دعوة في مجموعة');
  await incidents.getByRole('button', { name: 'سجّله' }).click();
  await page.getByRole('status').filter({ hasText: 'سُجّل، وتُعد الأصوات' }).waitFor();
  await sawt.vote(poll, ['no'], 6);
  await page.reload();
  await page.locator('.grade').filter({ hasText: 'نتيجة موضع شك' }).waitFor();
  await incidents.filter({ hasText: 'دعوة في مجموعة' }).filter({ hasText: '6 أصوات' }).waitFor();
  await page.locator('.marks').filter({ hasText: 'بدأ تصويت غير عادي' }).waitFor();

  // A reader is told so with the results, and no count.
  const reader = await set.reader({ locale: 'ar' });
  const shown = await Shown.open({ reader, publisher, sawt, poll, mode: 'page' });
  await shown.is('open');
  await shown.$('.sawt-peek').click();
  await shown.$('.sawt-disputed').filter({ hasText: DISPUTED }).waitFor();
  await shown.$('.sawt-total').filter({ hasText: 'أقل من' }).waitFor();
  await look(shown, 'disputed');
  await looked(page, 'incident');

  // What came is held, and then void; readers are not told that the figure is disputed any more.
  const label = page.locator('#label-incident-8');
  const decide = async (button, now) => {
    await label.getByLabel('السبب').fill('منسّقة، من منتدى واحد');
    await label.getByRole('button', { name: button }).click();
    await label.filter({ hasText: now }).waitFor();
  };
  await label.filter({ hasText: 'لو عُلّقت' }).filter({ hasText: '75% بدل 30%' }).waitFor();
  await decide('علّقها', 'معلّقة');
  await page.locator('.grade').filter({ hasText: 'نتيجة تحت النظر' }).waitFor();
  // By the next snapshot: while ballots are held there is one in half a minute.
  await shown.$('.sawt-disputed').waitFor({ state: 'hidden' });
  await decide('أبطلها', 'مُبطلة');

  // The figure is published.
  await page.getByRole('link', { name: 'إغلاق…' }).click();
  await page.getByRole('button', { name: 'أغلق نهائيًا' }).click();
  await page.getByRole('status').filter({ hasText: 'أُغلق الاستطلاع' }).waitFor();
  const final = await sawt.tally(poll);
  assert.deepEqual([final.ballots, final.options.map(({ votes }) => votes), final.disputed], [4, [3, 1], undefined]);

  // It was a school: the figure stays, and what it comes to is told beside it.
  await decide('احتسبها', 'محتسبة');
  await page.locator('#integrity').filter({ hasText: 'هذا الرقم نهائي' }).waitFor();
  const corrected = await sawt.tally(poll);
  assert.deepEqual([corrected.ballots, corrected.addendum.ballots], [4, 10]);
  await shown.page.reload();
  await shown.$('.sawt-disclosure').filter({ hasText: 'بحسب ما تقرّر بشأن الأصوات بعد الإغلاق' }).waitFor();
  // All of it is in the history, with the reasons.
  const history = page.locator('.history');
  for (const told of ['لوحظ تصويت غير عادي', 'عُلّقت أصوات', 'أُبطلت أصوات', 'أُعيدت أصوات إلى العد', 'منسّقة، من منتدى واحد']) {
    await history.filter({ hasText: told }).waitFor();
  }
});
