// The room that the API's snippets keep: nothing of a publisher's page moves when a poll comes, nor when it is voted on.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DESKTOP, PHONE, picture, shifted } from './browser.mjs';
import { Shown } from './poll.mjs';
import { stage } from './stage.mjs';

const ELSEWHERE = 'https://votes.example';
// Each test starts replicas of the same address: where they listen is known only then, and put into the snippets.
const set = stage({ SAWT_PUBLIC_URL: ELSEWHERE });

/** What a page may move in all, by Chromium's measure (web.dev calls 0.1 good). */
const MOST = 0.02;

// Stands for a paragraph of an article.
const PARAGRAPH = '<p style="block-size: 9em; background: #ddd">…</p>';

const option = (number, isLong) => ({
  id: `o${number}`,
  label: isLong ? `الرأي ${number}: أؤيد الاقتراح بعد تعديله ونشر تفاصيله كاملة على الموقع الرسمي قبل التصويت` : `الخيار ${number}`,
});
const options = (count, isLong = false) => Array.from({ length: count }, (_, number) => option(number + 1, isLong));

const POLLS = {
  'two options': { options: options(2) },
  'five options': { options: options(5) },
  'twelve options': { options: options(12) },
  'thirty-two options': { options: options(32) },
  'long labels': { options: options(6, true) },
  'a long question': {
    question: 'هل ترى أن مجلس الأمة أحسن في تأجيل النظر في تقرير اللجنة المالية إلى الأسبوع المقبل بعد نقاش امتد سبع ساعات؟',
    options: options(3),
  },
  'several choices': { kind: 'multiple', max_choices: 3, options: options(5) },
  'hidden results': { results: 'after_close', closes_at: new Date(Date.now() + 864e5).toISOString(), options: options(4) },
  'changeable ballots': { changeable: true, options: options(3) },
};

for (const [size, viewport] of [['phone', PHONE], ['desktop', DESKTOP]]) {
  for (const [name, members] of Object.entries(POLLS)) {
    test(`${name}, ${size}: the page does not move when the poll comes, nor when it is voted on`, async () => {
      const { sawt, publisher } = set;
      const reader = await set.reader({ viewport, locale: 'ar' });
      for (const [snippet, mode] of [['script', 'script'], ['element', 'element'], ['frame', 'iframe']]) {
        const poll = await sawt.poll(members);
        const markup = poll.embed[snippet].replaceAll(ELSEWHERE, sawt.origin);
        const page = await reader.open(publisher.holding(`<main dir="rtl">${PARAGRAPH}${markup}${PARAGRAPH.repeat(3)}</main>`));
        const shown = Shown.in(page, mode);
        await shown.is('open');
        await shown.choose('o1');
        await shown.press();
        await shown.is(members.results ? 'hidden' : 'voted');
        const moved = (await shifted(page)).reduce((sum, { value }) => sum + value, 0);
        assert.ok(moved < MOST, `${snippet}: ${moved}: ${JSON.stringify(await shifted(page))}`);
        const { height } = await shown.box('.sawt');
        // What is kept for nothing is no more than some lines.
        const spare = poll.embed.height - height;
        const isShort = mode === 'script' && size === 'phone' && !name.startsWith('long');
        if (isShort) assert.ok(spare >= -1 && spare < 64, `${spare} pixels are kept for nothing`);
        if (mode === 'script') await picture(page, `room-${name.replaceAll(' ', '-')}-${size}`, { fullPage: true });
        await page.close();
      }
    });
  }
}
