// Pictures of every state, taken by `pictures`. Nothing is asserted here but what a reader's leaving asserts, that axe-core
// finds nothing, and that no page is wider than the screen.

import assert from 'node:assert/strict';

import { DESKTOP, PHONE, Reader, axe, launch, picture } from './browser.mjs';
import { Shown } from './poll.mjs';
import { Publisher } from './publisher.mjs';
import { Sawt } from './sawt.mjs';

const [wanted = ''] = process.argv.slice(2);

const NAMES = ['الاقتصاد', 'التعليم', 'الصحة', 'الإسكان', 'الرواتب والمعاشات', 'البيئة', 'الطرق والنقل العام', 'الثقافة والفنون'];
const options = (count) =>
  Array.from({ length: count }, (_, place) => ({
    id: `o${place}`,
    label: NAMES[place] ?? `${NAMES[place % NAMES.length]}، البند ${Math.floor(place / NAMES.length) + 1}`,
  }));
const ABOUT = { question: 'ما الذي يهمك أكثر في جلسة الغد؟', article_url: 'https://news.example/' };
const SEVERAL = { ...ABOUT, kind: 'multiple', max_choices: 2, options: options(4) };
const LATIN = {
  question: 'iPhone أم Galaxy: أي هاتف تفضّل؟',
  options: ['iPhone 18 Pro', 'Galaxy S27 Ultra (من سامسونج)', 'Pixel!', 'لا فرق عندي'].map((label, place) => ({ id: `o${place}`, label })),
};

const some = async (sawt, poll) => {
  for (const [place, { id }] of poll.options.slice(0, 4).entries()) await sawt.vote(poll, [id], 7 - 2 * place);
};

// What is not answered by one option of a list; with words as long as editors write them, and as many options as there may be.
const LONG = [
  'دعم المشروعات الصغيرة والمتوسطة وتمويلها دون فوائد',
  'استقلاليتها القضائية والمحاسبية الكاملة وسيتساءلونكموها',
  'الطرق',
  'إعادة تأهيل المدارس الحكومية القديمة في المناطق السكنية الجديدة قبل بدء العام الدراسي',
];
const many = (count) =>
  Array.from({ length: count }, (_, place) => ({ id: `o${place}`, label: place % 3 ? NAMES[place % NAMES.length] : LONG[(place / 3) % LONG.length] }))
    .map(({ id, label }, place) => ({ id, label: `${label}${place < LONG.length ? '' : ` ${place + 1}`}` }));
const FACES = ['👍', '❤️', '😂', '😮', '😢', '😡', '🙏', '🤔', '🔥', '👏', '💔', '🎉'];
const FEELINGS = ['أعجبني', 'أحببته كثيرًا', 'أضحكني', 'أدهشني ولم أكن أتوقعه', 'أحزنني', 'أغضبني', 'أدعو لهم', 'أفكّر فيه', 'حماسي', 'أحسنتم', 'آلمني', 'أفرحني'];
const reactions = (count, withFaces) => ({
  kind: 'reaction',
  question: 'ما شعورك بعد قراءة هذا التقرير عن ميزانية السنة المقبلة؟',
  options: FEELINGS.slice(0, count).map((label, place) => ({ id: `o${place}`, label, ...(withFaces && { emoji: FACES[place] }) })),
});
const SCALE = {
  kind: 'rating',
  question: 'ما احتمال أن توصي أصدقاءك وأقاربك بقراءة هذه السلسلة من التقارير؟',
  scale: { low: 0, high: 10, low_label: 'غير محتمل على الإطلاق', high_label: 'محتمل إلى أبعد الحدود' },
  options: undefined,
};
const STARS = { kind: 'rating', question: 'ما تقييمك لتغطيتنا جلسة مجلس الأمة؟', options: undefined };
const QUIZ = {
  question: 'متى صدر الدستور الكويتي، ومن ترأّس المجلس التأسيسي الذي وضعه؟',
  options: [LONG[3], '11 نوفمبر 1962، عبداللطيف ثنيان الغانم', '1963'].map((label, place) => ({ id: `o${place}`, label })),
  correct: 'o1',
  explanation: 'صدر في 11 نوفمبر 1962، وعُمل به من 29 يناير 1963، يوم افتتاح أول مجلس للأمة. ترأّس المجلس التأسيسي عبداللطيف محمد ثنيان الغانم.',
};
const ranked = (count) => ({ kind: 'ranked', question: 'رتّب ما يهمّك أكثر في برنامج الحكومة', options: many(count) });
const cast = (choices) => async (sawt, poll) => {
  for (const [choice, count] of choices) await sawt.vote(poll, [choice].flat(), count);
};
const SOME = cast([['o0', 5], ['o1', 2], ['o2', 9]]);
const ORDERS = cast([[['o1', 'o0'], 3], [['o0', 'o2', 'o1'], 2], [['o2', 'o0'], 2]]);

/** Polls that readers answer in other ways. */
const KINDS = {
  'reaction-6': { poll: reactions(6, true), before: SOME },
  'reaction-6-pressed': { poll: reactions(6, true), before: SOME, then: (shown) => pressOne(shown, 'o3') },
  'reaction-12-pressed': { poll: reactions(12, true), before: SOME, then: (shown) => pressOne(shown, 'o3') },
  'reaction-12-words': { poll: reactions(12, false), before: SOME, then: (shown) => pressOne(shown, 'o3') },
  'reaction-closed': { poll: reactions(6, true), before: SOME, isClosed: true },
  stars: { poll: STARS, then: (shown) => shown.$('label:has([value="4"])').click() },
  'stars-voted': { poll: STARS, before: cast([['4', 3], ['5', 9], ['1', 2]]), then: (shown) => shown.$('label:has([value="3"])').click().then(() => shown.press()).then(() => shown.is('voted')) },
  scale: { poll: SCALE, then: (shown) => shown.choose('9') },
  'scale-voted': { poll: SCALE, before: cast([['0', 3], ['7', 2], ['8', 9], ['10', 14]]), then: (shown) => shown.vote('9') },
  'scale-closed': { poll: SCALE, before: cast([['0', 3], ['7', 2], ['8', 9], ['10', 14]]), isClosed: true },
  'quiz-right': { poll: QUIZ, before: SOME, then: (shown) => shown.vote('o1') },
  'quiz-wrong': { poll: QUIZ, before: SOME, then: (shown) => shown.vote('o0') },
  'series-between': { series: 3, then: (shown) => shown.vote('o1') },
  'series-end': {
    series: 2,
    async then(shown) {
      await shown.vote('o1');
      await shown.$('.sawt-next').click();
      await shown.is('open');
      await shown.vote('o0');
    },
  },
  'ranked-4': { poll: ranked(4), then: (shown) => rank(shown, 'o2', 'o0') },
  'ranked-15': { poll: ranked(15), then: (shown) => rank(shown, 'o9', 'o3', 'o0') },
  'ranked-voted': {
    poll: ranked(4),
    before: ORDERS,
    async then(shown) {
      await rank(shown, 'o2', 'o0');
      await shown.press();
      await shown.is('voted');
    },
  },
  'ranked-closed': { poll: ranked(4), before: ORDERS, isClosed: true },
  'open-answer': {
    poll: { ...ABOUT, options: many(3), open_answer: true },
    async then(shown) {
      await shown.choose('other');
      await shown.$('input[type=text]').fill('زحمة الطرق عند المدارس صباح كل يوم، ولا حل لها منذ سنوات');
    },
  },
  'open-answer-voted': {
    poll: { ...ABOUT, options: many(3), open_answer: true },
    before: SOME,
    async then(shown) {
      await shown.choose('other');
      await shown.$('input[type=text]').fill('زحمة الطرق عند المدارس صباح كل يوم، ولا حل لها منذ سنوات');
      await shown.press();
      await shown.is('voted');
    },
  },
  'prediction-resolved': {
    poll: {},
    before: some,
    async then(shown, sawt, poll) {
      await shown.vote('no');
      await sawt.close(poll);
      await sawt.ask('POST', `/v1/polls/${poll.id}/resolve`, { option: 'yes' });
      await shown.page.reload();
      await shown.$('.sawt-verdict:not(:empty)').waitFor();
    },
  },
  'prediction-resolved-unvoted': {
    poll: {},
    async before(sawt, poll) {
      await some(sawt, poll);
      await sawt.close(poll);
      await sawt.ask('POST', `/v1/polls/${poll.id}/resolve`, { option: 'yes' });
    },
  },
  'long-words': { poll: { ...ABOUT, question: `${ABOUT.question} ${LONG[1]}؟`, options: many(6) } },
  'long-words-voted': { poll: { ...ABOUT, question: `${ABOUT.question} ${LONG[1]}؟`, options: many(6) }, before: SOME, then: (shown) => shown.vote('o1') },
};

async function pressOne(shown, id) {
  await shown.$(`[name=choices][value="${id}"]`).click();
  await shown.$(`[name=choices][value="${id}"][aria-pressed="true"]`).waitFor();
  await shown.$('[role="status"]:not(:empty)').waitFor();
}

async function rank(shown, ...ids) {
  for (const id of ids) await shown.$(`[name=choices][value="${id}"]`).click();
}

/** Each state: the poll, how it is met, and what happens until it is there. */
const STATES = {
  voting: { poll: {} },
  'voting-in-article': { poll: {}, mode: 'script' },
  'voting-no-script': { poll: { ...ABOUT, options: options(4) }, mode: 'form' },
  'ticks-at-limit': { poll: SEVERAL, then: (shown) => shown.choose('o0', 'o2') },
  'ticks-too-few': {
    poll: { ...SEVERAL, min_choices: 2, max_choices: 3 },
    async then(shown) {
      await shown.choose('o1');
      await shown.press();
    },
  },
  'ticks-too-many-no-script': {
    poll: SEVERAL,
    mode: 'form',
    async then(shown) {
      await shown.choose('o0', 'o1', 'o3');
      await shown.press();
      await shown.says('اخترت 3');
    },
  },
  results: { poll: {}, before: some, then: (shown) => shown.vote('no') },
  'results-changeable': { poll: { changeable: true }, before: some, then: (shown) => shown.vote('no') },
  'results-several': {
    poll: SEVERAL,
    before: some,
    async then(shown) {
      await shown.choose('o1', 'o2');
      await shown.press();
      await shown.is('voted');
    },
  },
  'results-no-script': { poll: ABOUT, mode: 'form', before: some, then: (shown) => shown.vote('yes') },
  'closed-leader': { poll: { ...ABOUT, options: options(4) }, before: some, isClosed: true },
  'closed-leader-in-article': { poll: {}, mode: 'element', before: some, isClosed: true },
  'closed-leader-no-script': { poll: {}, mode: 'form', before: some, isClosed: true },
  'closed-tie': { poll: {}, isClosed: true, before: (sawt, poll) => sawt.vote(poll, ['yes']).then(() => sawt.vote(poll, ['no'])) },
  'closed-unvoted': { poll: {}, isClosed: true },
  'closed-after-my-vote': {
    poll: {},
    before: some,
    async then(shown, sawt, poll) {
      await shown.vote('no');
      await sawt.close(poll);
      await shown.is('closed');
      await shown.$('.sawt-lead:not(:empty)').waitFor();
    },
  },
  'closed-hidden': { poll: { results: 'never' }, before: some, isClosed: true },
  'hidden-before-vote': { poll: { results: 'after_vote', closes_at: '2999-03-01T09:30:00Z' } },
  'hidden-after-vote': {
    poll: { results: 'after_close', closes_at: '2999-03-01T09:30:00Z' },
    async then(shown) {
      await shown.choose('yes');
      await shown.press();
      await shown.is('hidden');
    },
  },
  scheduled: { poll: { opens_at: '2999-03-01T09:30:00Z' } },
  'latin-labels': { poll: LATIN },
  'latin-labels-results': { poll: LATIN, before: some, then: (shown) => shown.vote('o0') },
  'options-12': { poll: { ...ABOUT, options: options(12) } },
  'options-12-results': { poll: { ...ABOUT, options: options(12) }, before: some, then: (shown) => shown.vote('o9') },
  'options-12-in-frame': { poll: { ...ABOUT, options: options(12) }, mode: 'iframe' },
  'options-32': { poll: { ...ABOUT, options: options(32) } },
  'options-32-results': { poll: { ...ABOUT, options: options(32) }, before: some, then: (shown) => shown.vote('o30') },
  'in-frame': { poll: ABOUT, mode: 'iframe' },
  gone: { poll: {}, then: (shown, sawt, poll) => sawt.ask('DELETE', `/v1/polls/${poll.id}`).then(() => shown.is('gone')) },
};

const [browser, publisher, sawt] = await Promise.all([launch(), Publisher.start(), Sawt.start({ SAWT_QUOTA_MINT: 'off', SAWT_QUOTA_CLIENT: 'off' })]);
const site = await sawt.site([publisher.origin], { name: 'الراي', url: 'https://news.example/' });
const SIZES = [['phone', PHONE], ['desktop', DESKTOP]];
const kinds = Object.entries(KINDS).map(([name, state]) => [name, { mode: 'element', ...state }]);

/** Takes a page in both themes. */
async function pictures(page, name) {
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    await picture(page, `${name}-${colorScheme}`, { fullPage: true });
    assert.deepEqual(await axe(page), [], `${name}-${colorScheme}`);
  }
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${name} is wider than the screen`);
}

for (const [name, { poll: members, series, mode = 'page', before, isClosed, then }] of [...Object.entries(STATES), ...kinds]) {
  if (!name.includes(wanted)) continue;
  for (const [size, viewport] of SIZES) {
    const poll = await sawt.poll({ site, ...members, ...(series && QUIZ) });
    for (let more = 1; more < series; more += 1) poll.id += ` ${(await sawt.poll({ site, ...QUIZ })).id}`;
    await before?.(sawt, poll);
    if (isClosed) await sawt.close(poll);
    const javaScriptEnabled = mode !== 'form';
    const look = { viewport, locale: 'ar', timezoneId: 'Asia/Kuwait', reducedMotion: 'reduce', javaScriptEnabled };
    const reader = await Reader.come(browser, [sawt.origin, publisher.origin], look);
    // A form that comes back, and a poll that goes, are noted by the browser.
    reader.excuse(/status of 4(04|22)/);
    const shown = javaScriptEnabled
      ? await Shown.open({ reader, publisher, sawt, poll, mode })
      : Shown.in(await reader.open(`${sawt.origin}/embed/${poll.id}/form`), 'page');
    await shown.$('.sawt[data-state]:not([data-state="loading"])').waitFor();
    await then?.(shown, sawt, poll);
    await pictures(shown.page, `${name}-${size}`);
    await reader.leave();
  }
}

if ('most-read'.includes(wanted)) {
  const titles = ['المجلس يستأنف جلساته غدًا', `${LONG[3]}: ما الذي تغيّر، ومن يدفع الثمن؟`, 'أسعار النفط ترتفع لليوم الثالث على التوالي', LONG[1]];
  for (const [place, title] of titles.entries()) {
    const url = `${publisher.origin}/news/${place}`;
    await sawt.ask('PUT', `/v1/sites/${site}/articles/story-${place}`, { title, url, published_at: '2026-11-29T06:00:00Z' });
    for (let view = 0; view < 8 - 2 * place; view += 1) await sawt.ask('POST', '/v1/views', { site, article: `story-${place}` }, '');
  }
  while ((await sawt.ask('GET', `/v1/sites/${site}/trending?window=24h`)).items.length < titles.length);
  for (const [size, viewport] of SIZES) {
    const reader = await Reader.come(browser, [sawt.origin, publisher.origin], { viewport, locale: 'ar', timezoneId: 'Asia/Kuwait' });
    const element = `<html lang="ar" dir="rtl"><style>:root{color-scheme:light dark;background:Canvas}</style><main><h1>خبر</h1>`
      + `<script type="module" src="${sawt.origin}/embed/most-read.js"></script><sawt-most-read site="${site}"></sawt-most-read></main>`;
    const page = await reader.open(publisher.holding(element));
    await page.locator('sawt-most-read a').nth(titles.length - 1).waitFor();
    await pictures(page, `most-read-${size}`);
    await reader.leave();
  }
}
await browser.close();
await Promise.all([publisher.stop(), sawt.stop()]);
