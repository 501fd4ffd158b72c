// Between the poll and the page around it: frames and their heights, what a page may do and what it may not.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DESKTOP, PHONE, axe, picture } from './browser.mjs';
import { MODES, Shown } from './poll.mjs';
import { MODES as MARKUP } from './publisher.mjs';
import { stage } from './stage.mjs';

const set = stage();

const HOSTILE = `"><img src=x onerror="globalThis.ran=1"><script>globalThis.ran=1</script>{{7*7}}\${7*7}'`;

// CVE-2021-24442, CVE-2014-10395, CVE-2019-9914
for (const mode of MODES) {
  test(`poll text ran as script in the page: it is text, whatever it says (${mode})`, async () => {
    const { sawt, publisher } = set;
    const poll = await sawt.poll({
      question: HOSTILE,
      options: [{ id: 'yes', label: `${HOSTILE} 1` }, { id: 'no', label: `</label></script>${HOSTILE}` }],
    });
    const shown = await Shown.open({ reader: await set.reader(), publisher, sawt, poll, mode });
    await shown.vote('yes');
    // An edit arrives by another way, and is text as well.
    await sawt.ask('PATCH', `/v1/polls/${poll.id}`, { revision: 1, question: `${HOSTILE} 2`, reason: HOSTILE });
    // A frame that shares nothing asks only every so often.
    await shown.$('.sawt-question').filter({ hasText: `${HOSTILE} 2` }).waitFor();
    assert.equal(await shown.$('.sawt-results .sawt-label').first().textContent(), `${HOSTILE} 1`);
    for (const frame of shown.page.frames()) assert.equal(await frame.evaluate(() => globalThis.ran), undefined);
    assert.equal(await shown.$('.sawt img, .sawt script').count(), 0);
  });
}

for (const mode of ['iframe', 'wordpress']) {
  for (const viewport of [PHONE, DESKTOP]) {
    test(`a frame tells its height, and has no need to scroll (${mode}, ${viewport.width})`, async () => {
      const { sawt, publisher } = set;
      const options = Array.from({ length: 5 }, (_, place) => ({
        id: `o${place}`,
        label: `خيار طويل يصف موقفًا من الموضوع المطروح للنقاش في الجلسة رقم ${place}`,
      }));
      const poll = await sawt.poll({ options });
      const shown = await Shown.open({ reader: await set.reader({ viewport }), publisher, sawt, poll, mode });
      await shown.is('open');
      const frame = await shown.frame();
      const fits = () => frame.waitForFunction(() => document.documentElement.scrollHeight <= innerHeight);
      await fits();
      // And takes no more than it needs.
      const room = await frame.evaluate(() => innerHeight - document.body.getBoundingClientRect().height);
      assert.ok(room < 2, `${room} pixels are empty`);
      await shown.vote('o1');
      await fits();
      await picture(shown.page, `height-${mode}-${viewport.width}`);
    });
  }
}

test('the height that oEmbed names is enough where no page listens for another', async () => {
  const { sawt, publisher } = set;
  const long = 'ما رأيك في اقتراح تمديد دور الانعقاد الحالي حتى نهاية شهر يوليو لاستكمال مناقشة التقارير المؤجلة؟';
  const polls = [
    await sawt.poll(),
    await sawt.poll({ language: 'en' }),
    await sawt.poll({ question: long }),
    await sawt.poll({ options: Array.from({ length: 8 }, (_, place) => ({ label: `${place} ${long.slice(0, 60)}` })) }),
    await sawt.poll({ changeable: true, closes_at: '2999-03-01T09:30:00Z', results: 'after_vote' }),
    await sawt.poll({ kind: 'multiple', max_choices: 2, results: 'after_close', closes_at: '2999-03-01T09:30:00Z' }),
  ];
  const off = [];
  const reader = await set.reader();
  const page = await reader.open(`${publisher.origin}/blank`);
  for (const poll of polls) {
    for (const width of [600, 320]) {
      // The page has a margin of 8 pixels around the frame, which is as wide as it may be.
      await page.setViewportSize({ width: width + 16, height: 740 });
      const url = encodeURIComponent(`${sawt.origin}/embed/${poll.id}`);
      const { html, height } = await sawt.ask('GET', `/oembed?url=${url}&maxwidth=${width}`);
      await page.setContent(html);
      const shown = Shown.in(page, 'iframe');
      await shown.is('open');
      const frame = await shown.frame();
      // Its markup is there before its style sheet.
      await frame.waitForFunction(() => getComputedStyle(document.querySelector('.sawt')).getPropertyValue('--radius'));
      const needed = await frame.evaluate(() => document.body.getBoundingClientRect().height);
      // Higher than this no consumer makes a frame, and it scrolls.
      if (height === 1000) continue;
      if (needed > height || needed < height * 0.7) off.push(`${poll.question}: ${needed} of ${height} pixels at ${width}`);
    }
  }
  assert.deepEqual(off, []);
});

for (const mode of ['script', 'iframe']) {
  test(`a page whose name is under a host that the site lists shows the poll and votes (${mode})`, async () => {
    const { sawt, publisher } = set;
    const there = publisher.origin.replace('localhost', 'www.news.localhost');
    const poll = await sawt.poll({ site: await sawt.site([there.replace('www', '*')]) });
    const reader = await set.reader({}, there);
    const article = publisher.article(mode, { sawt: sawt.origin, poll }).replace(publisher.origin, there);
    const shown = Shown.in(await reader.open(article), mode);
    await shown.vote('yes');
    assert.equal((await sawt.tally(poll)).ballots, 1);
  });
}

test('a page of another site than the poll’s can’t frame it', async () => {
  const { sawt, publisher } = set;
  const poll = await sawt.poll({ site: await sawt.site(['https://news.example']) });
  const reader = await set.reader();
  reader.excuse(/frame-ancestors|chrome-error|ERR_BLOCKED_BY_RESPONSE/);
  const page = await reader.open(publisher.article('iframe', { sawt: sawt.origin, poll }));
  const frame = page.frames().at(-1);
  assert.ok(!frame.url().startsWith(sawt.origin), `the frame shows ${frame.url()}`);
});

test('where the page may not vote the reader is led to the poll’s own page', async () => {
  const { sawt, publisher } = set;
  const poll = await sawt.poll({ site: await sawt.site(['https://news.example']) });
  const reader = await set.reader({ viewport: PHONE });
  reader.excuse(/blocked by CORS policy|net::ERR_FAILED|responded with a status of 403/);
  const shown = await Shown.open({ reader, publisher, sawt, poll, mode: 'script' });
  await shown.is('open');
  await shown.choose('yes');
  await shown.press();
  const link = shown.$('.sawt-note a');
  await link.waitFor();
  await picture(shown.page, 'refused');
  assert.equal(await link.getAttribute('href'), `${sawt.origin}/embed/${poll.id}`);
  assert.equal((await sawt.tally(poll)).ballots, 0);
});

test('a frame far below is not fetched before its reader comes near', async () => {
  const home = 'https://votes.example';
  const sawt = await set.replica({ SAWT_PUBLIC_URL: home });
  const { embed } = await sawt.poll();
  const reader = await set.reader({}, sawt.origin);
  const asked = [];
  reader.context.on('request', (request) => asked.push(request.url()));
  const frame = embed.frame.replace(home, sawt.origin);
  const page = await reader.open(set.publisher.holding(`<p style="block-size: 6000px">…</p>${frame}`));
  // The page has loaded, and that waits for every frame that is fetched at once.
  assert.deepEqual(asked.filter((url) => url.startsWith(sawt.origin)), []);
  await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
  await Shown.in(page, 'iframe').is('open');
  assert.ok(asked.includes(embed.url.replace(home, sawt.origin)));
});

test('a frame that is not displayed yet tells no height', async () => {
  const { sawt, publisher } = set;
  const poll = await sawt.poll();
  const page = await (await set.reader()).open(`${publisher.origin}/blank`);
  await page.evaluate(async (source) => {
    const frame = document.createElement('iframe');
    globalThis.sawtTestHeights = [];
    addEventListener('message', ({ data }) => globalThis.sawtTestHeights.push(data.sawt.height));
    frame.hidden = true;
    frame.src = source;
    document.body.append(frame);
    await new Promise((loaded) => frame.addEventListener('load', loaded));
    frame.contentWindow.postMessage({ sawt: { v: 1, type: 'ask' } }, '*');
  }, `${sawt.origin}/embed/${poll.id}`);
  // It has heard that before this.
  await page.frames()[1].evaluate(() => new Promise((heard) => setTimeout(heard, 100)));
  await page.evaluate(() => (document.querySelector('iframe').hidden = false));
  await page.waitForFunction(() => globalThis.sawtTestHeights.some((height) => height > 0));
  assert.ok(!(await page.evaluate(() => globalThis.sawtTestHeights.includes(0))));
});

test('a page that begins to listen late asks a frame for its height', async () => {
  const { sawt, publisher } = set;
  const poll = await sawt.poll();
  const page = await (await set.reader()).open(publisher.article('iframe', { sawt: sawt.origin, poll }));
  const shown = Shown.in(page, 'iframe');
  await shown.is('open');
  const height = () => page.locator('iframe').evaluate((frame) => frame.style.height);
  assert.equal(await height(), '', 'the loader is not there yet');
  await page.addScriptTag({ url: `${sawt.origin}/embed.js` });
  await page.waitForFunction(() => document.querySelector('iframe').style.height !== '');
  const needed = await (await shown.frame()).evaluate(() => Math.ceil(document.body.getBoundingClientRect().height));
  assert.equal(await height(), `${needed}px`);
});

test('a stranger’s frame can’t set the height of ours', async () => {
  const { sawt, publisher } = set;
  const poll = await sawt.poll();
  const reader = await set.reader();
  const page = await reader.open(publisher.article('iframe', {
    sawt: sawt.origin,
    poll,
    before: `<script async src="${sawt.origin}/embed.js"></script>`,
  }));
  const shown = Shown.in(page, 'iframe');
  await shown.is('open');
  const height = () => page.locator('iframe').evaluate((frame) => frame.getBoundingClientRect().height);
  await page.waitForFunction(() => document.querySelector('iframe').style.height !== '');
  const before = await height();
  // The page itself says what only the frame may say.
  await page.evaluate(() => {
    window.postMessage({ sawt: { v: 1, type: 'height', height: 4000 } }, '*');
    // Messages are heard in the order they were sent.
    return new Promise((heard) => {
      addEventListener('message', ({ data }) => data === 'after' && heard());
      window.postMessage('after', '*');
    });
  });
  assert.equal(await height(), before);
});

test('a careful page styles the poll by properties and parts, and its own style stays out', async () => {
  const { sawt, publisher } = set;
  const poll = await sawt.poll();
  const reader = await set.reader();
  const shown = await Shown.open({ reader, publisher, sawt, poll, mode: 'element' });
  await shown.is('open');
  await shown.page.evaluate(() => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(`
      button { background: rgb(255, 0, 0) !important; }
      sawt-poll { --sawt-accent: rgb(1, 2, 3); }
      sawt-poll::part(question) { color: rgb(4, 5, 6); }
    `);
    document.adoptedStyleSheets = [sheet];
  });
  const colour = (selector, property) => shown.$(selector).evaluate((one, property) => getComputedStyle(one)[property], property);
  assert.equal(await colour('.sawt-vote', 'backgroundColor'), 'rgb(1, 2, 3)');
  assert.equal(await colour('.sawt-question', 'color'), 'rgb(4, 5, 6)');
});

test('a site says once how its polls look, and a page what its own do', async () => {
  const { sawt, publisher } = set;
  const words = { ar: { vote: 'شارك برأيك', counted: 'شكرًا، وصل صوتك إلينا.' } };
  const site = await sawt.site([], { look: { accent: '#8a1c2b', accent_dark: '#ff9aa5', density: 'compact', words } });
  const poll = await sawt.poll({ site });
  for (const [colorScheme, accent] of [['light', 'rgb(138, 28, 43)'], ['dark', 'rgb(255, 154, 165)']]) {
    for (const mode of ['element', 'page', 'form']) {
      const reader = await set.reader({ colorScheme, viewport: PHONE });
      const holding = publisher.holding(`<meta name="color-scheme" content="light dark">${MARKUP.element({ sawt: sawt.origin, poll: poll.id })}`);
      const own = `${sawt.origin}/embed/${poll.id}${mode === 'form' ? '/form' : ''}`;
      const shown = Shown.in(await reader.open(mode === 'element' ? holding : own), mode);
      await shown.is('open');
      const button = shown.$('.sawt-vote');
      const colour = (one, property) => one.evaluate((one, property) => getComputedStyle(one)[property], property);
      assert.equal(await colour(button, 'backgroundColor'), accent, mode);
      assert.equal(await button.textContent(), 'شارك برأيك', mode);
      assert.equal(await colour(shown.root, 'paddingInlineStart'), '14px', mode);
      if (mode !== 'element') assert.deepEqual(await axe(shown.page), [], mode);
      await picture(shown.page, `site-look-${mode}-${colorScheme}`);
      if (mode !== 'element') continue;
      await shown.$('input[value="yes"]').check();
      await button.click();
      await shown.is('voted');
      assert.equal(await shown.$('.sawt-status').textContent(), 'شكرًا، وصل صوتك إلينا.');
      await shown.page.evaluate(() => document.documentElement.style.setProperty('--sawt-accent', 'rgb(1, 2, 3)'));
      assert.equal(await colour(shown.$('.sawt-mine').first(), 'color'), 'rgb(1, 2, 3)');
    }
  }
  // A page that says so itself has other words, and more room.
  const own = { vote: 'صوّت الآن', counted: 'وصل.', unknown: 'x' };
  const element = `<sawt-poll poll="${poll.id}" words='${JSON.stringify(own)}' style="--sawt-gap: 21px; --sawt-padding: 33px"></sawt-poll>`;
  const reader = await set.reader({ viewport: PHONE });
  const page = await reader.open(publisher.holding(`<script async src="${sawt.origin}/embed.js"></script>${element}`));
  const shown = Shown.in(page, 'element');
  await shown.is('open');
  const [gap, padding] = ['fieldset', '.sawt'].map((name) => page.locator(`sawt-poll ${name}`).first());
  assert.equal(await gap.evaluate((one) => getComputedStyle(one).rowGap), '21px');
  assert.equal(await padding.evaluate((one) => getComputedStyle(one).paddingInlineStart), '33px');
  assert.equal(await shown.$('.sawt-vote').textContent(), 'صوّت الآن');
  await shown.$('input[value="yes"]').check();
  await shown.$('.sawt-vote').click();
  await shown.is('voted');
  assert.equal(await shown.$('.sawt-status').textContent(), 'وصل.');
});

test('theme=dark and theme=light hold against the device’s', async () => {
  const { sawt, publisher } = set;
  const poll = await sawt.poll();
  for (const mode of ['script', 'element', 'page']) {
    const surfaces = {};
    for (const theme of ['light', 'dark']) {
      const reader = await set.reader({ colorScheme: theme === 'light' ? 'dark' : 'light' });
      const shown = await Shown.open({ reader, publisher, sawt, poll, mode, theme });
      await shown.is('open');
      surfaces[theme] = await shown.root.evaluate((root) => getComputedStyle(root).backgroundColor);
    }
    assert.equal(surfaces.light, 'rgb(255, 255, 255)', mode);
    assert.notEqual(surfaces.dark, surfaces.light, mode);
  }
});

test('a poll’s own page can be shared: it says what it is to those who show links', async () => {
  const home = 'https://votes.example';
  const sawt = await set.replica({ SAWT_PUBLIC_URL: home });
  const poll = await sawt.poll();
  const page = await (await set.reader({}, sawt.origin)).open(`${sawt.origin}/embed/${poll.id}`);
  const content = (selector) => page.locator(selector).getAttribute('content');
  assert.equal(await page.title(), poll.question);
  assert.equal(await content('meta[property="og:title"]'), poll.question);
  assert.equal(await content('meta[property="og:url"]'), `${home}/embed/${poll.id}`);
  assert.equal(await content('meta[property="og:locale"]'), 'ar');
  // Consumers of oEmbed find the frame by the page's own word.
  const link = await page.locator('link[type="application/json+oembed"]').getAttribute('href');
  const told = await (await fetch(link.replace(home, sawt.origin))).json();
  assert.match(told.html, new RegExp(`<iframe src="${home}/embed/${poll.id}"`));
});
