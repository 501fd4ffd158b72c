// Pictures of every state, taken by `pictures`. Nothing is asserted here but what a reader's leaving asserts.

import { DESKTOP, PHONE, Reader, launch, picture } from './browser.mjs';
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
for (const [name, { poll: members, mode = 'page', before, isClosed, then }] of Object.entries(STATES)) {
  if (!name.includes(wanted)) continue;
  for (const [size, viewport] of [['phone', PHONE], ['desktop', DESKTOP]]) {
    const poll = await sawt.poll({ site, ...members });
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
    for (const colorScheme of ['light', 'dark']) {
      await shown.page.emulateMedia({ colorScheme });
      await picture(shown.page, `${name}-${size}-${colorScheme}`, { fullPage: true });
    }
    await reader.leave();
  }
}
await browser.close();
await Promise.all([publisher.stop(), sawt.stop()]);
