// While a new version comes into use, its replicas and those before it answer by turns, and a file may be there or not.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { PHONE, picture } from './browser.mjs';
import { Shown } from './poll.mjs';
import { stage } from './stage.mjs';

const set = stage();

const FILES = /\/embed\/assets\/(app|poll)\.[0-9a-f]+\.(js|css)/;
const ANYBODY = { 'access-control-allow-origin': '*' };

/** What becomes of a file, by what it was asked for before: `undefined` if it comes. */
const ACCIDENTS = {
  'is cut short once': (times) => times === 0 && (async (route) => {
    const answer = await route.fetch();
    const body = await answer.text();
    await route.fulfill({ response: answer, body: body.slice(0, body.length / 2) });
  }),
  'is answered 503 once': (times) => times === 0 && ((route) => route.fulfill({ status: 503, headers: ANYBODY })),
  'never arrives once': (times) => times === 0 && ((route) => route.abort()),
};

/** Lets this happen to script and style sheet. */
async function happen(reader, accident) {
  const times = {};
  await reader.context.route(FILES, (route) => {
    const [, name] = FILES.exec(route.request().url());
    times[name] = (times[name] ?? -1) + 1;
    const happens = accident(times[name], route.request().url());
    return happens ? happens(route) : route.continue();
  });
}

for (const mode of ['script', 'page', 'iframe']) {
  for (const [what, accident] of Object.entries(ACCIDENTS)) {
    test(`a file failed once in a rolling deploy, and nothing asked again: the poll comes though script and style sheet ${what} (${mode})`, async () => {
      const { sawt, publisher } = set;
      const poll = await sawt.poll();
      const reader = await set.reader();
      reader.excuse(/\/embed\/assets\/|integrity/);
      await happen(reader, accident);
      const shown = await Shown.open({ reader, publisher, sawt, poll, mode });
      await shown.$('.sawt-vote').waitFor();
      await (await shown.frame()).waitForFunction(() => {
        const root = document.querySelector('sawt-poll')?.shadowRoot ?? document;
        return root.querySelector('.sawt') && getComputedStyle(root.querySelector('.sawt')).borderRadius === '12px';
      });
      // The script is there when what only it does is done.
      await shown.$('.sawt-peek').click();
      await shown.$('.sawt-results').and(shown.$('[data-peek] *')).waitFor();
      await shown.$('.sawt-back').click();
      await shown.vote('yes');
      assert.equal((await sawt.tally(poll)).ballots, 1);
    });
  }

  test(`a file was named that no replica has any more: the poll comes with the newest (${mode})`, async () => {
    const { sawt, publisher } = set;
    const poll = await sawt.poll();
    const reader = await set.reader();
    reader.excuse(/responded with a status of 404|integrity/);
    await reader.context.route(FILES, async (route) => {
      const url = route.request().url();
      if (!url.includes('.0123')) return route.fulfill({ status: 404, headers: ANYBODY });
      const answer = await route.fetch({ url: url.replace('.0123', '.') });
      return route.fulfill({ response: answer });
    });
    await reader.context.route(`${sawt.origin}/embed/manifest.json*`, async (route) => {
      const manifest = await (await route.fetch()).json();
      for (const file of manifest.files) file.path = file.path.replace('.', '.0123');
      await route.fulfill({ headers: ANYBODY, json: manifest });
    });
    const shown = await Shown.open({ reader, publisher, sawt, poll, mode });
    await shown.$('.sawt-peek').waitFor();
    await (await shown.frame()).waitForFunction(() => globalThis[Symbol.for('sawt')]?.size > 0 && [...globalThis[Symbol.for('sawt')].values()].every(Boolean));
    await shown.vote('yes');
    assert.equal((await sawt.tally(poll)).ballots, 1);
  });
}

test('where no script comes the poll is a click away in a publisher’s page', async () => {
  const { sawt, publisher } = set;
  const poll = await sawt.poll();
  const reader = await set.reader({ viewport: PHONE });
  reader.excuse(/\/embed\/assets\//);
  await happen(reader, () => (route) => route.fulfill({ status: 503, headers: ANYBODY }));
  const shown = await Shown.open({ reader, publisher, sawt, poll, mode: 'script', isAwaited: false });
  const link = shown.page.locator('sawt-poll > a');
  await link.filter({ hasText: 'صفحته' }).waitFor();
  await picture(shown.page, 'rollout-no-script');
  await link.click();
  await shown.page.locator('input[value="yes"]').check();
  await shown.page.locator('.sawt-vote').click();
  await shown.page.locator('.sawt[data-state="voted"]').waitFor();
  assert.equal((await sawt.tally(poll)).ballots, 1);
});

test('where no script comes a poll’s own page leads to its form', async () => {
  const { sawt, publisher } = set;
  const poll = await sawt.poll();
  const reader = await set.reader({ viewport: PHONE });
  reader.excuse(/\/embed\/assets\//);
  await happen(reader, () => (route) => route.fulfill({ status: 503, headers: ANYBODY }));
  const shown = await Shown.open({ reader, publisher, sawt, poll, mode: 'page', isAwaited: false });
  await shown.choose('yes');
  await shown.press();
  await shown.page.waitForURL(/\/form/);
  await shown.choose('yes');
  await shown.press();
  await shown.is('voted');
  assert.equal((await sawt.tally(poll)).ballots, 1);
});
