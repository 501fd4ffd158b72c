// The same words from server and browser. Numbers are held to one file by both: `said.json` here, and by the server's
// own tests.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';

import { Reader, launch } from './browser.mjs';
import { Sawt } from './sawt.mjs';

const SAID = JSON.parse(readFileSync(new URL('./said.json', import.meta.url), 'utf8'));

let browser;
let sawt;

before(async () => {
  [browser, sawt] = await Promise.all([launch(), Sawt.start()]);
});

after(async () => {
  await browser?.close();
  await sawt?.stop();
});

/** What a poll says, in the page this is run in, or in another that is fetched. */
async function words(path) {
  const read = (root) => ({
    state: root.dataset.state,
    rows: [...root.querySelectorAll('[data-option]')].map((row) => ({
      text: row.textContent.split(/\s+/).join(' ').trim(),
      width: row.querySelector('svg').getAttribute('width'),
    })),
    total: root.querySelector('.sawt-total').textContent,
    rule: root.querySelector('.sawt-rule').textContent,
    note: root.querySelector('.sawt-note').textContent,
  });
  if (!path) return read(document.querySelector('.sawt'));
  const page = await (await fetch(path, { cache: 'no-store' })).text();
  return read(new DOMParser().parseFromString(page, 'text/html').querySelector('.sawt'));
}

for (const kind of ['single', 'multiple']) {
  test(`numbers, shares and plurals are written as the server writes them (${kind})`, async () => {
    const poll = await sawt.poll({ kind });
    const reader = await Reader.come(browser, [sawt.origin]);
    for (const [lang, digits] of [['ar', 'latn'], ['ar', 'arab'], ['en', 'latn'], ['en', 'arab'], ['fr', 'latn'], ['fr', 'arab']]) {
      const lines = SAID.filter((line) => line.lang === lang && line.digits === digits);
      assert.ok(lines.length > 15);
      const page = await reader.open(`${sawt.origin}/embed/${poll.id}?lang=${lang}&digits=${digits}`);
      const drawn = await page.evaluate(async (lines) => {
        const { src } = document.querySelector('script[type=module]');
        const { Poll } = await import(src);
        // As the script does where several may be chosen.
        const Kind = document.querySelector('.sawt').dataset.kind === 'multiple' ? (await import(src.replace('/app.', '/multiple.'))).of(Poll) : Poll;
        return lines.map(({ votes, ballots }) => {
          const root = document.querySelector('.sawt').cloneNode(true);
          const options = [{ id: 'yes', votes }, { id: 'no', votes: ballots - votes }];
          new Kind(root, { from: location.origin, kept: new Map() }).draw({ version: 1, ballots, options });
          const of = (selector) => root.querySelector(selector).textContent;
          return { said: of('.sawt-votes'), share: of('.sawt-share'), total: of('.sawt-total') };
        });
      }, lines);
      const expected = lines.map(({ said, share, total, voters }) => ({ said, share, total: kind === 'single' ? total : voters }));
      assert.deepEqual(drawn, expected);
      await page.close();
    }
    await reader.leave();
  });
}

test('shares are rounded as the server rounds them, so those of a single choice add up to 100', async () => {
  const lines = JSON.parse(readFileSync(new URL('./shares.json', import.meta.url), 'utf8'));
  const options = Array.from({ length: 32 }, (_, place) => ({ id: `o${place}`, label: `خيار ${place}` }));
  const reader = await Reader.come(browser, [sawt.origin]);
  for (const kind of ['single', 'multiple']) {
    const poll = await sawt.poll({ kind, options });
    const page = await reader.open(`${sawt.origin}/embed/${poll.id}?lang=en`);
    const of = lines.filter((line) => line.kind === kind);
    assert.ok(of.length > 50);
    const drawn = await page.evaluate(async (lines) => {
      const { src } = document.querySelector('script[type=module]');
      const { Poll } = await import(src);
      // As the script does where several may be chosen.
      const Kind = document.querySelector('.sawt').dataset.kind === 'multiple' ? (await import(src.replace('/app.', '/multiple.'))).of(Poll) : Poll;
      return lines.map(({ votes, ballots }) => {
        const root = document.querySelector('.sawt').cloneNode(true);
        const options = votes.map((votes, place) => ({ id: `o${place}`, votes }));
        new Kind(root, { from: location.origin, kept: new Map() }).draw({ version: 1, ballots, options });
        return [...root.querySelectorAll('.sawt-share')].slice(0, votes.length).map((share) => share.textContent);
      });
    }, of);
    const expected = of.map(({ tenths }) => tenths.map((share) => `${share / 10}%`));
    assert.deepEqual(drawn, expected);
  }
  await reader.leave();
});

for (const [name, members] of Object.entries({
  'in a poll whose results all see': { results: 'always', closes_at: '2999-01-01T00:00:00Z' },
  'in a poll whose results voters see': { results: 'after_vote' },
  'in a poll whose results are seen in the end': { results: 'after_close' },
  'in a poll whose results nobody sees': { results: 'never', kind: 'multiple', min_choices: 1, max_choices: 2 },
})) {
  test(`a page that was changed by the script says what a new one says, ${name}`, async () => {
    const poll = await sawt.poll(members);
    await sawt.vote(poll, ['yes'], 2);
    const reader = await Reader.come(browser, [sawt.origin], { timezoneId: 'UTC' });
    const page = await reader.open(`${sawt.origin}/embed/${poll.id}`);
    // A time is the reader's own in one, and everybody's in the other.
    const comparable = ({ note, ...rest }) => ({ ...rest, note: note.replace(/\d.*/, '') });
    const path = `/embed/${poll.id}`;
    assert.deepEqual(comparable(await page.evaluate(words)), comparable(await page.evaluate(words, path)));

    await sawt.vote(poll, ['no'], 3);
    await sawt.close(poll);
    const closed = comparable(await page.evaluate(words, path));
    // The state, the tally and the time of the close are drawn one after another.
    await page.waitForFunction((state) => document.querySelector('.sawt').dataset.state === state, closed.state);
    let said;
    for (let look = 0; look < 300 && !isDeepStrictEqual(said, closed); look += 1) {
      await page.waitForTimeout(100);
      said = comparable(await page.evaluate(words));
    }
    assert.deepEqual(said, closed);
    await reader.leave();
  });
}
