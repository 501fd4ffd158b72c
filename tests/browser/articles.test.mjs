// What readers think of an article: <sawt-reactions> and <sawt-rating>, whose polls are made with their first ballots.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DESKTOP, PHONE, axe, picture } from './browser.mjs';
import { stage } from './stage.mjs';

const set = stage();

const OPTIONS = [['like', '👍', 'أعجبني'], ['surprised', '😮', 'أدهشني'], ['sad', '😢', 'أحزنني'], ['angry', '😠', 'أغضبني']];
const TEMPLATES = {
  reactions: { kind: 'reaction', question: 'ما شعورك تجاه هذا الخبر؟', language: 'ar', options: OPTIONS.map(([id, emoji, label]) => ({ id, emoji, label })) },
  stars: { kind: 'rating', question: 'ما تقييمك لهذه التغطية؟', language: 'ar', changeable: true },
};

/** A site whose articles may be answered, and one that it has announced. */
async function site() {
  const { sawt, publisher } = set;
  const id = await sawt.site([publisher.origin]);
  for (const [name, poll] of Object.entries(TEMPLATES)) {
    await sawt.ask('PUT', `/v1/sites/${id}/templates/${name}`, { poll, articles: 'own-origins' });
  }
  const article = { title: 'مجلس الأمة يرفع جلسته', url: `${publisher.origin}/news/1`, published_at: '2026-11-23T18:00:00Z' };
  await sawt.ask('PUT', `/v1/sites/${id}/articles/story-1`, article);
  return id;
}

const page = (...elements) => `<!doctype html><html lang="ar" dir="rtl"><meta name="color-scheme" content="light dark">
  <meta name="viewport" content="width=device-width"><title>خبر</title>
  <script type="module" src="${set.sawt.origin}/embed/article.js"></script><main><h1>خبر</h1>${elements.join('')}</main>`;

const count = (scope, option) => scope.locator(`[data-option="${option}"] .sawt-votes`);

for (const [size, viewport] of [['phone', PHONE], ['desktop', DESKTOP]]) {
  for (const colorScheme of ['light', 'dark']) {
    test(`an article’s reactions and stars come to be with their first ballots (${size}, ${colorScheme})`, async () => {
      const { publisher } = set;
      const id = await site();
      const markup = page(`<sawt-reactions site="${id}" article="story-1"></sawt-reactions>`, `<sawt-rating site="${id}" article="story-1"></sawt-rating>`);
      const reader = await set.reader({ viewport, colorScheme });
      const one = await reader.open(publisher.holding(markup));
      const [reactions, stars] = ['sawt-reactions', 'sawt-rating'].map((name) => one.locator(name));
      for (const shown of [reactions, stars]) await shown.locator('.sawt[data-state="open"]').waitFor();
      assert.deepEqual(await axe(one), []);
      await picture(one, `article-open-${size}-${colorScheme}`, { fullPage: true });
      await reactions.locator('[data-option="like"]').click();
      await count(reactions, 'like').filter({ hasText: '1' }).waitFor();
      await stars.locator('label:has(input[value="4"])').click();
      await stars.locator('.sawt-vote').click();
      await stars.locator('.sawt[data-state="voted"]').waitFor();
      assert.deepEqual(await axe(one), []);
      await picture(one, `article-voted-${size}-${colorScheme}`, { fullPage: true });
      // Another reader finds it by its address, and their reaction arrives at the first one’s.
      const other = await (await set.reader({ viewport, colorScheme })).open(
        publisher.holding(page(`<sawt-reactions site="${id}" article="${publisher.origin}/news/1?utm_source=x#top"></sawt-reactions>`)),
      );
      await count(other, 'like').filter({ hasText: '1' }).waitFor();
      await other.locator('[data-option="like"]').click();
      await count(other, 'like').filter({ hasText: '2' }).waitFor();
      await count(one, 'like').filter({ hasText: '2' }).waitFor();
    });
  }
}

test('without an article the elements take the page’s canonical address, and a page elsewhere makes nothing', async () => {
  const { sawt, publisher } = set;
  const id = await site();
  const canonical = `<link rel="canonical" href="${publisher.origin}/news/2">`;
  const reader = await set.reader();
  const mine = await reader.open(publisher.holding(page(canonical, `<sawt-reactions site="${id}"></sawt-reactions>`)));
  await mine.locator('.sawt[data-state="open"]').waitFor();
  await mine.locator('[data-option="sad"]').click();
  await count(mine, 'sad').filter({ hasText: '1' }).waitFor();
  const url = encodeURIComponent(`${publisher.origin}/news/2`);
  const results = `${sawt.origin}/v1/sites/${id}/articles/@url/reactions/results?url=${url}`;
  while ((await (await fetch(results)).json()).ballots !== 1) await new Promise((later) => setTimeout(later, 100));
  // An address that is not the site’s.
  reader.excuse(/422/);
  const strange = await reader.open(publisher.holding(page(`<sawt-rating site="${id}" article="https://elsewhere.example/1"></sawt-rating>`)));
  await strange.locator('sawt-rating [role="status"], sawt-rating .sawt[data-state="gone"]').first().waitFor();
});

test('without JavaScript a reader’s reaction makes an article’s poll, is taken back, and changed', async () => {
  const { sawt } = set;
  const id = await site();
  const viewport = PHONE;
  const reader = await set.reader({ javaScriptEnabled: false, viewport });
  // The page’s own address leads to the form by itself.
  const shown = await reader.open(`${sawt.origin}/embed/sites/${id}/articles/story-1/reactions?lang=ar`);
  await shown.waitForURL(/\/reactions\/form\?/);
  const button = (option) => shown.locator(`button[data-option="${option}"]`);
  const pressed = async (option, is, votes) => {
    await shown.locator(`button[data-option="${option}"][aria-pressed="${is}"] .sawt-votes`).filter({ hasText: votes }).waitFor();
  };
  await pressed('like', false, '0');
  assert.deepEqual(await reader.stored(), [], 'something is stored before a vote');
  await button('like').click();
  await pressed('like', true, '1');
  await shown.locator('[role="status"]').filter({ hasText: 'سُجّل صوتك' }).waitFor();
  for (const colorScheme of ['light', 'dark']) {
    await shown.emulateMedia({ colorScheme });
    const seen = await (await set.reader({ viewport, colorScheme })).open(shown.url());
    assert.deepEqual(await axe(seen), []);
    await picture(shown, `article-form-${colorScheme}`);
  }
  await button('sad').press('Enter');
  await pressed('sad', true, '1');
  await pressed('like', false, '0');
  await button('sad').click();
  await pressed('sad', false, '0');
  await shown.locator('[role="status"]').filter({ hasText: 'سُحب صوتك' }).waitFor();
});

test('a page tells once that its article is seen, whatever of it stands there, and what looks alike shares one style sheet', async () => {
  const { publisher, sawt } = set;
  const id = await site();
  const url = `${publisher.origin}/news/3`;
  const elements = [
    `<link rel="canonical" href="${url}"><script type="module" src="${sawt.origin}/embed/view.js"></script>`,
    `<sawt-reactions site="${id}"></sawt-reactions><sawt-reactions site="${id}" article="story-1"></sawt-reactions>`,
    `<sawt-rating site="${id}"></sawt-rating><sawt-view site="${id}"></sawt-view>`,
  ];
  // A site that announces its articles has those alone in its list.
  const news = { title: 'خبر', url, published_at: '2026-11-23T18:00:00Z' };
  await sawt.ask('PUT', `/v1/sites/${id}/articles/news-3`, news);
  const reader = await set.reader({ viewport: { width: 800, height: 2000 } });
  const one = await reader.open(`${publisher.origin}/blank`);
  const views = [];
  one.on('request', (request) => request.url().endsWith('/v1/views') && views.push(request.postData()));
  await one.goto(publisher.holding(page(...elements)));
  const first = one.locator('sawt-reactions').first();
  await first.locator('[data-option="like"]').click();
  await count(first, 'like').filter({ hasText: '1' }).waitFor();
  // The one poll that is made by now is told besides.
  while (views.length < 3) await one.waitForTimeout(50);
  const poll = await first.locator('.sawt').getAttribute('data-poll');
  const told = [{ site: id, url }, { site: id, article: 'story-1' }, { poll }].map((view) => JSON.stringify(view));
  assert.deepEqual([...views].sort(), told.sort());
  const shared = await one.evaluate(() => {
    const sheets = [...document.querySelectorAll('sawt-reactions sawt-poll')].map(({ shadowRoot }) => shadowRoot.adoptedStyleSheets);
    return sheets.length === 2 && sheets[0].length === 2 && sheets[0].every((sheet, place) => sheet === sheets[1][place]);
  });
  assert.ok(shared);
  const listed = async () => (await sawt.ask('GET', `/v1/sites/${id}/trending?window=1h`)).items.find((item) => item.url?.endsWith('/news/3'));
  while (!(await listed())) await one.waitForTimeout(100);
  const { score } = await listed();
  assert.ok(score > 0.9 && score < 1.1, `it is seen once, and scores ${score}`);
});

test('a page lets an article’s poll go when it is deleted, and finds it once it comes again', async () => {
  const { publisher, sawt } = set;
  const id = await site();
  const reader = await set.reader();
  reader.excuse(/404/);
  const one = await reader.open(`${publisher.origin}/blank`);
  await one.clock.install();
  const streams = [];
  one.on('request', (request) => request.url().includes('/v1/live') && streams.push(request.url()));
  await one.goto(publisher.holding(page(`<sawt-reactions site="${id}" article="story-1"></sawt-reactions>`)));
  await one.locator('[data-option="like"]').click();
  await count(one, 'like').filter({ hasText: '1' }).waitFor();
  while (!streams.length) await one.clock.runFor(200);
  const shown = one.locator('.sawt');
  await sawt.ask('DELETE', `/v1/polls/${await shown.getAttribute('data-poll')}`);
  while ((await shown.getAttribute('data-revision')) !== '0') await one.clock.runFor(500);
  // It is not asked for again and again.
  const before = streams.length;
  await one.clock.runFor(10_000);
  assert.equal(streams.length, before);
  const other = await (await set.reader()).open(publisher.holding(page(`<sawt-reactions site="${id}" article="story-1"></sawt-reactions>`)));
  await other.locator('[data-option="sad"]').click();
  await count(other, 'sad').filter({ hasText: '1' }).waitFor();
  while (streams.length === before) await one.clock.runFor(10_000);
});
