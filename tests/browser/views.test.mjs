// Views: what is told when a poll or an article is seen, and the list of what is read most.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DESKTOP, PHONE, axe, picture } from './browser.mjs';
import { Shown } from './poll.mjs';
import { stage } from './stage.mjs';

const set = stage();

const PADDING = '<p style="block-size: 300vh">…</p>';

/** What a page tells the service that it shows, in the order it tells. */
function told(page) {
  const views = [];
  page.on('request', (request) => {
    if (!request.url().endsWith('/v1/views')) return;
    assert.equal(request.method(), 'POST', 'it asks for leave');
    views.push(JSON.parse(request.postData()));
  });
  return views;
}

/** Asks again until the service says something. */
async function until(ask) {
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    await new Promise((soon) => setTimeout(soon, 100));
  }
}

const trending = async (site, query = '') => (await set.sawt.ask('GET', `/v1/sites/${site}/trending?${query}`)).items;

test('a poll is told to be seen once, when it is seen; a reload is the same view where the page keeps a mark, and nothing is kept else', async () => {
  const { sawt, publisher } = set;
  const site = await sawt.site([publisher.origin]);
  const poll = await sawt.poll({ site });
  const closed = await sawt.poll({ site });
  await sawt.close(closed);
  const reader = await set.reader({ viewport: PHONE });
  const page = await reader.open(`${publisher.origin}/blank`);
  const views = told(page);
  const loader = `<script async src="${sawt.origin}/embed.js"></script>`;
  const elements = `<sawt-poll poll="${poll.id}" loading="eager"></sawt-poll><sawt-poll poll="${closed.id}" loading="eager"></sawt-poll>`;
  await page.goto(publisher.holding(`${PADDING}${elements}${loader}`));
  const shown = Shown.in(page, 'element');
  await shown.$('.sawt[data-state="open"]').waitFor();
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
  assert.deepEqual(views, [], 'nobody has seen it yet');
  const look = () => page.evaluate(() => document.querySelectorAll('sawt-poll')[1].scrollIntoView({ block: 'end' }));
  const stored = () => page.evaluate(() => [...Object.keys(sessionStorage), ...Object.keys(localStorage)]);
  await look();
  await until(() => views.length === 2);
  assert.deepEqual(new Set(views.map(({ poll }) => poll)), new Set([poll.id, closed.id]));
  assert.deepEqual(await stored(), []);
  // The page lets a mark be kept from now on.
  await page.evaluate(() => sessionStorage.setItem('sawt.views', ''));
  for (const seen of [4, 4, 4]) {
    // The stream begins when the poll is seen, after that was told or not.
    const stream = page.waitForRequest((request) => request.url().includes('/live'));
    await page.reload();
    await shown.$('.sawt[data-state="open"]').waitFor();
    await look();
    await stream;
    await until(() => views.length >= seen);
    assert.equal(views.length, seen);
  }
  assert.equal((await stored()).length, 3);
  await until(async () => (await sawt.tally(poll)).views === 2);
});

/** A page of the publisher's with the list in it. */
const listing = (site, more = '') =>
  set.publisher.holding(
    `<script>document.documentElement.lang='ar';document.documentElement.dir='rtl'</script><style>:root{color-scheme:light dark;background:Canvas}</style>`
      + `<main style="max-inline-size:22rem;margin:2rem auto"><h1>الصفحة الأولى</h1><sawt-most-read site="${site}" window="1h" ${more}></sawt-most-read></main>`
      + `<script type="module" src="${set.sawt.origin}/embed/most-read.js"></script>`,
  );

test('an article is told to be seen by its canonical address, or as the page says, and stands in the list of what is read most', async () => {
  const { sawt, publisher } = set;
  const site = await sawt.site([publisher.origin]);
  const reader = await set.reader({ viewport: PHONE });
  const page = await reader.open(`${publisher.origin}/blank`);
  const views = told(page);
  const [first, second] = ['المجلس-يستأنف-جلساته-غدًا', 'أسعار-النفط-ترتفع-لليوم-الثالث-على-التوالي'].map((name) => `${publisher.origin}/${encodeURIComponent(name)}`);
  const module = `<script type="module" src="${sawt.origin}/embed/view.js"></script>`;

  // A browser keeps this answer for a while.
  await page.goto(listing(site, 'limit="3"'));
  await page.getByText('لا شيء هنا بعد').waitFor();

  await page.goto(publisher.holding(`<link rel="canonical" href="${first}">${module}${PADDING}<sawt-view site="${site}"></sawt-view>`));
  await page.waitForFunction(() => globalThis.sawt?.view);
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
  assert.deepEqual(views, [], 'nobody has seen it yet');
  await page.evaluate(() => document.querySelector('sawt-view').scrollIntoView());
  await until(() => views.length === 1);
  await page.evaluate(({ site, second }) => {
    const { view } = globalThis.sawt;
    for (const url of [second, second, undefined]) view({ site, url });
    view({ site, article: 'a-1' });
  }, { site, second });
  await until(() => views.length === 3);
  assert.deepEqual(views, [{ site, url: first }, { site, url: second }, { site, article: 'a-1' }]);
  await page.goto(publisher.holding(`<link rel="canonical" href="${second}">${module}<sawt-view site="${site}"></sawt-view>`));
  await until(async () => (await trending(site, 'window=1h')).some(({ url, score }) => url && score > 1.5));

  // The list looks as the site says its polls do, and as the page says before that.
  const look = { accent: '#b3122f', density: 'compact', words: { ar: { most_read: 'يقرؤون الآن' } } };
  await sawt.ask('PUT', `/v1/sites/${site}`, { origins: [publisher.origin], look });
  await until(async () => (await sawt.ask('GET', `/v1/sites/${site}/trending?by=votes&limit=50`)).look);
  await page.goto(listing(site));
  const links = page.locator('sawt-most-read a');
  await links.nth(1).waitFor();
  // An article of which only the id is known leads nowhere.
  assert.deepEqual(await links.allTextContents(), ['أسعار النفط ترتفع لليوم الثالث على التوالي', 'المجلس يستأنف جلساته غدًا']);
  assert.equal(await links.first().getAttribute('href'), (await trending(site, 'window=1h'))[0].url);
  const inList = (name) => page.locator('sawt-most-read').locator(name);
  assert.equal(await inList('h2').textContent(), 'يقرؤون الآن');
  assert.equal(await inList('section').getAttribute('aria-label'), 'يقرؤون الآن');
  await page.emulateMedia({ colorScheme: 'light' });
  const [accent, room] = [(heading) => getComputedStyle(heading).borderBottomColor, (line) => getComputedStyle(line).paddingBlockStart];
  assert.equal(await inList('h2').evaluate(accent), 'rgb(179, 18, 47)');
  assert.equal(await inList('li').first().evaluate(room), '6px');
  await page.evaluate(() => document.documentElement.style.setProperty('--sawt-accent', 'rgb(0, 0, 99)'));
  assert.equal(await inList('h2').evaluate(accent), 'rgb(0, 0, 99)');
  await page.evaluate(() => document.documentElement.style.removeProperty('--sawt-accent'));
  await page.evaluate(() => document.querySelector('sawt-most-read').setAttribute('heading', 'الأكثر قراءة هنا'));
  await links.nth(1).waitFor();
  assert.equal(await inList('h2').textContent(), 'الأكثر قراءة هنا');
  const right = await page.evaluate(() => {
    const [number, title] = ['li', 'a'].map((name) => document.querySelector('sawt-most-read').shadowRoot.querySelector(name).getBoundingClientRect());
    return number.right - title.right;
  });
  assert.ok(right > 20, 'the number stands right of the title');
  for (const colorScheme of ['light', 'dark']) {
    for (const [size, viewport] of Object.entries({ phone: PHONE, desktop: DESKTOP })) {
      await page.setViewportSize(viewport);
      await page.emulateMedia({ colorScheme });
      assert.deepEqual(await axe(page), [], `${size} ${colorScheme}`);
      await picture(page, `most-read-${size}-${colorScheme}`);
    }
  }
});
