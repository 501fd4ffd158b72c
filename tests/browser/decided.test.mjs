// What an editor has decided beside question and options: pictures and notes, who stands behind the poll, how exact its tally
// is, from how many ballots on it is shown, the order of the options, what follows a vote, and that a wording has changed.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { PHONE } from './browser.mjs';
import { Shown, look } from './poll.mjs';
import { stage } from './stage.mjs';

const set = stage();

const PICTURES = 'https://pictures.example';
const picture = (colour) => `<svg xmlns="http://www.w3.org/2000/svg" width="96" height="96"><rect width="96" height="96" fill="${colour}"/></svg>`;

/** A reader with a phone, who gets pictures from their server. */
async function comeWithPhone() {
  const reader = await set.reader({ viewport: { ...PHONE, width: 390 } }, PICTURES);
  await reader.context.route(`${PICTURES}/**`, (route) =>
    route.fulfill({ contentType: 'image/svg+xml', body: picture(route.request().url().endsWith('1') ? '#8a1c2b' : '#14597f') }));
  return reader;
}

const DECIDED = {
  question: 'أي المشاريع تقدّم على غيره في ميزانية السنة المقبلة؟',
  options: [
    { id: 'metro', label: 'مترو الكويت', note: 'خطّان يمتدّان 160 كيلومترًا، بحسب الخطة الإنمائية', image: { url: `${PICTURES}/1`, alt: 'قطار في محطة' } },
    { id: 'port', label: 'ميناء مبارك الكبير والمنطقة الاقتصادية الحرة المتصلة به', image: { url: `${PICTURES}/2`, alt: 'رافعات على رصيف' } },
    { id: 'none', label: 'Donaudampfschifffahrtsgesellschaftskapitänswitwe', note: 'ولا واحد منها' },
  ],
  display: 'percent',
  disclosure: { asked_by: 'الراي', paid_by: 'Kuwait Chamber of Commerce', licence: '2026/114', note: 'استطلاع غير علمي.' },
  after_vote: { thanks: 'شكرًا لك. يُنشر التقرير يوم الأحد.', link: { url: 'https://news.example/budget', label: 'اقرأ: كل ما في الميزانية' } },
};

for (const mode of ['page', 'iframe']) {
  test(`pictures, notes, the disclosure and what follows a vote are shown (${mode})`, async () => {
    const { sawt, publisher } = set;
    const poll = await sawt.poll({ ...DECIDED, language: 'ar' });
    // As many as a minute allows, in one of the two.
    const [metro, port, total] = mode === 'page' ? [66, 33, '100 صوت على الأقل'] : [1, 1, '3 أصوات'];
    await sawt.vote(poll, ['metro'], metro);
    await sawt.vote(poll, ['port'], port);
    const shown = await Shown.open({ reader: await comeWithPhone(), publisher, sawt, poll, mode });
    await shown.is('open');
    const pictures = shown.$('.sawt-image img');
    await pictures.nth(1).scrollIntoViewIfNeeded();
    for (const place of [0, 1]) {
      await pictures.nth(place).evaluate((img) => img.decode());
      assert.ok(await pictures.nth(place).evaluate((img) => img.naturalWidth > 0 && img.referrerPolicy === 'no-referrer'));
    }
    assert.deepEqual(await pictures.evaluateAll((all) => all.map(({ alt }) => alt)), ['قطار في محطة', 'رافعات على رصيف']);
    assert.ok(await shown.$('.sawt-after').isHidden());
    if (mode === 'page') await look(shown, 'decided-open');
    await shown.vote('metro');
    await shown.says('شكرًا لك. يُنشر التقرير يوم الأحد.');
    const results = await shown.results(total);
    assert.deepEqual(results.map(({ share, votes }) => [share, votes]), [['67%', ''], ['33%', ''], ['0%', '']]);
    const told = (await shown.$('.sawt-disclosure').textContent()).replace(/[\u2068\u2069]/g, '');
    assert.ok(told.startsWith(`صاحب الاستطلاع: الراي؛ الممول: Kuwait Chamber of Commerce؛ الترخيص: 2026/114؛ ${total}؛ في `), told);
    const link = shown.$('.sawt-onward');
    assert.deepEqual(await link.evaluate(({ href, rel }) => [href, rel]), ['https://news.example/budget', 'noopener']);
    assert.ok(await link.isVisible());
    if (mode === 'page') await look(shown, 'decided-voted');
  });
}

test('the poll that follows a vote comes in its place, and the reader goes on there', async () => {
  const { sawt, publisher } = set;
  const next = await sawt.poll({ question: 'والسؤال التالي؟', language: 'ar' });
  const poll = await sawt.poll({ after_vote: { next: next.id }, language: 'ar' });
  const reader = await set.reader({ viewport: PHONE });
  const shown = await Shown.open({ reader, publisher, sawt, poll, mode: 'element' });
  await shown.vote('yes');
  await look(shown, 'decided-next');
  await shown.$('.sawt-then').click();
  await shown.$('.sawt-question').filter({ hasText: 'والسؤال التالي؟' }).waitFor();
  await shown.is('open');
  assert.equal(await shown.focused(), 'h1.sawt-question');
  await shown.vote('no');
});

test('each reader has an order of their own, the same after a reload, and results in the editor\'s', async () => {
  const { sawt, publisher } = set;
  const ids = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'];
  const poll = await sawt.poll({ options: ids.map((id) => ({ id, label: `خيار ${id}` })), shuffle: true, changeable: true });
  const orders = [];
  for (let readers = 0; readers < 3; readers += 1) {
    const reader = await set.reader({ viewport: PHONE });
    const order = (shown) => shown.$('[name="choices"]').evaluateAll((all) => all.map(({ value }) => value).join(''));
    const open = async () => (await Shown.open({ reader, publisher, sawt, poll, mode: 'element' })).is('open');
    const shown = await open();
    orders.push(await order(shown));
    assert.equal(await order(await open()), orders.at(-1));
    await shown.vote('c');
    assert.equal((await shown.results(/ص/)).map(({ option }) => option).join(''), ids.join(''));
  }
  assert.equal([...orders[0]].sort().join(''), ids.join(''));
  assert.ok(new Set(orders).size > 1, orders.join());
});

test('results come by themselves once there are enough ballots, and are promised before', async () => {
  const { sawt, publisher } = set;
  const poll = await sawt.poll({ minimum_ballots: 2, language: 'ar' });
  const reader = await set.reader({ viewport: PHONE });
  const shown = await Shown.open({ reader, publisher, sawt, poll, mode: 'element' });
  await shown.is('open');
  assert.ok(await shown.$('.sawt-peek').isHidden());
  assert.equal((await shown.$('.sawt-note').textContent()).trim(), 'تظهر النتائج بعد إجابتين.');
  await shown.choose('yes');
  await shown.press();
  await shown.is('hidden');
  assert.equal((await shown.$('.sawt-note').textContent()).trim(), 'تظهر النتائج بعد إجابتين.');
  await sawt.vote(poll, ['no']);
  await shown.is('voted');
  assert.deepEqual((await shown.results('صوتان')).map(({ share }) => share), ['50%', '50%']);
});

test('readers are shown that a wording has changed, and why, also while they look', async () => {
  const { sawt, publisher } = set;
  const poll = await sawt.poll({ language: 'ar' });
  await sawt.vote(poll, ['yes']);
  const reader = await set.reader({ viewport: PHONE });
  const shown = await Shown.open({ reader, publisher, sawt, poll, mode: 'element' });
  await shown.is('open');
  const edit = { revision: 1, question: 'هل تتوقع حل مجلس الأمة هذا العام؟', reason: 'لم يكن العام مذكورًا' };
  await sawt.ask('PATCH', `/v1/polls/${poll.id}`, edit);
  await shown.$('.sawt-reworded').filter({ hasText: 'لم يكن العام مذكورًا' }).waitFor();
  assert.match(await shown.$('.sawt-reworded').textContent(), /^عُدّلت الصياغة .*: لم يكن العام مذكورًا$/);
  await look(shown, 'decided-reworded');
});
