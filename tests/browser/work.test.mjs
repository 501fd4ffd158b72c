// The work that a poll asks of new readers while something suspect goes on: done in a worker or beside the page, and a vote is
// never lost for it.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { solveChallenge } from 'altcha-lib';
import { deriveKey } from 'altcha-lib/algorithms/sha';

import { PHONE, axe, picture } from './browser.mjs';
import { Shown } from './poll.mjs';
import { SEED } from './sawt.mjs';
import { stage } from './stage.mjs';

const HASHES = 40_000;
const set = stage({ SAWT_PROOF_OF_WORK_HASHES: `${HASHES}` });

/** A poll of a site that asks new voters for work, always or while an incident goes on. */
async function asking({ sawt, publisher }, policy = 'always', members = SEED.ar) {
  const poll = await sawt.poll({ ...members, site: await sawt.site([publisher.origin], { proof_of_work: policy }) });
  if (policy === 'incidents') await sawt.ask('POST', `/v1/polls/${poll.id}/integrity/incidents`, { reason: 'دعوة' });
  return poll;
}

/** How many ballots have which label. */
async function labels({ sawt }, poll) {
  const { labels } = await sawt.ask('GET', `/v1/polls/${poll.id}/integrity`);
  return Object.fromEntries(labels.filter(({ ballots }) => ballots > 0).map(({ label, ballots }) => [label, ballots]));
}

for (const { where, mode, policy, hasWorker } of [
  { where: 'in its own page', mode: 'page', policy: 'always', hasWorker: true },
  { where: 'in a sandbox without an origin', mode: 'wordpress', policy: 'always', hasWorker: true },
  { where: 'in a page whose policy allows no worker', mode: 'element', policy: 'incidents', hasWorker: false },
]) {
  test(`a new reader works before they vote ${where}`, async () => {
    const { sawt, publisher } = set;
    const poll = await asking(set, policy);
    const reader = await set.reader({ viewport: PHONE });
    if (!hasWorker) {
      reader.excuse(/kept blob/);
      reader.excuse(/violates the following Content Security Policy|Content Security Policy.*blob:/);
    }
    const shown = await Shown.open({ reader, publisher, sawt, poll, mode });
    const workers = [];
    shown.page.on('worker', (worker) => workers.push(worker.url()));
    await shown.is('open');
    await shown.choose('yes');
    const [sent] = await Promise.all([shown.page.waitForRequest(/\/votes$/), shown.press()]);
    assert.ok(sent.postDataJSON().proof_of_work);
    await shown.$('.sawt[data-state="voted"], .sawt[data-state="hidden"]').waitFor();
    const found = await labels(set, poll);
    assert.ok(!('no-work' in found), JSON.stringify(found));
    assert.equal(Object.values(found).reduce((sum, ballots) => sum + ballots), 1);
    assert.equal(workers.length, hasWorker ? 1 : 0, `${workers}`);
  });
}

test('a reader who is choosing when an incident is opened works before they vote', async () => {
  const { sawt, publisher } = set;
  const poll = await sawt.poll({ site: await sawt.site([publisher.origin]) });
  const reader = await set.reader({ viewport: PHONE });
  const shown = await Shown.open({ reader, publisher, sawt, poll, mode: 'page' });
  await shown.is('open');
  await shown.choose('yes');
  await sawt.ask('POST', `/v1/polls/${poll.id}/integrity/incidents`, { reason: 'دعوة' });
  await shown.$('.sawt[data-work]').waitFor();
  const [sent] = await Promise.all([shown.page.waitForRequest(/\/votes$/), shown.press()]);
  assert.ok(sent.postDataJSON().proof_of_work);
  await shown.$('.sawt[data-state="voted"], .sawt[data-state="hidden"]').waitFor();
});

test('a reader is told why it takes a moment, and a vote whose work can’t be done is sent without', async () => {
  const { sawt, publisher } = set;
  for (const [language, told] of [
    ['ar', 'لحظة: يُجري جهازك عملية حسابية قصيرة'],
    ['en', 'One moment: your device does a short calculation'],
  ]) {
    const poll = await asking(set, 'always', SEED[language]);
    const reader = await set.reader({ viewport: PHONE });
    const shown = await Shown.open({ reader, publisher, sawt, poll, mode: 'page' });
    await shown.is('open');
    // One that nobody solves, for as long as somebody looks.
    await shown.page.route('**/challenge', async (route) => {
      const answer = await route.fetch();
      const challenge = await answer.json();
      challenge.parameters.keyPrefix = '0'.repeat(32);
      await route.fulfill({ response: answer, json: challenge });
    });
    await shown.choose('no');
    await shown.press();
    await shown.says(told);
    for (const colorScheme of ['light', 'dark']) {
      await shown.page.emulateMedia({ colorScheme });
      assert.deepEqual(await axe(shown.page), []);
      await picture(shown.page, `work-${language}-${colorScheme}`);
    }
  }
  const poll = await asking(set);
  const reader = await set.reader({ viewport: PHONE });
  reader.excuse(/net::ERR_FAILED/);
  const shown = await Shown.open({ reader, publisher, sawt, poll, mode: 'page' });
  await shown.is('open');
  await shown.page.route('**/challenge', (route) => route.abort());
  await shown.choose('no');
  await shown.press();
  await shown.is('voted');
  assert.deepEqual(await labels(set, poll), { 'no-work': 1 });
});

test('a poll that asks for no work fetches nothing for it', async () => {
  const { sawt, publisher } = set;
  const poll = await asking(set, 'never');
  const reader = await set.reader({ viewport: PHONE });
  const asked = [];
  reader.context.on('request', (request) => asked.push(new URL(request.url()).pathname));
  const shown = await Shown.open({ reader, publisher, sawt, poll, mode: 'page' });
  await shown.vote('yes');
  assert.deepEqual(asked.filter((path) => /work|challenge/.test(path)), []);
});

test('a program does the work by ALTCHA’s own library', async () => {
  const { sawt } = set;
  const poll = await asking(set);
  const voter = { nonce: 'q1vVzKTqS0mXq3dYx7Jb2g' };
  const post = (path, body) => sawt.ask('POST', `/v1/polls/${poll.id}/${path}`, body, '');
  const challenge = await post('challenge', { voter });
  const solution = await solveChallenge({ challenge, deriveKey });
  assert.ok(solution.counter < HASHES);
  const proof_of_work = btoa(JSON.stringify({ challenge, solution }));
  await post('votes', { choices: ['yes'], voter, proof_of_work });
  assert.deepEqual(await labels(set, poll), { 'no-mark': 1 });
});
