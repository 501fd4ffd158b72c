// Who answers is not always the service. mozilla/sumo #3208, testcookie-nginx #68: a firewall's page came as 200 and was
// taken for success; its 401, 403, 404 for the service's own.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { PHONE, axe, picture } from './browser.mjs';
import { Shown } from './poll.mjs';
import { stage } from './stage.mjs';
import { ANSWERS, HEAD_ONLY, SILENCE } from './stranger.mjs';

const set = stage();

const VOTE = /^POST .*\/votes$/;
const WITHDRAWAL = /^POST .*\/votes\/withdraw$/;
const BALLOT = /^POST .*\/votes\/mine$/;

/** A poll met by way of a stranger, who leaves all to the service so far. */
async function meet(mode = 'page', members = {}, options = {}) {
  const { sawt, publisher } = set;
  const poll = await sawt.poll(members);
  const stranger = await set.stranger();
  const reader = await set.reader(options, stranger.origin);
  reader.excuse(/net::ERR_|Failed to load resource|blocked by CORS/);
  const open = () => Shown.open({ reader, publisher, sawt: stranger, poll, mode });
  return { sawt, poll, stranger, reader, open };
}

/** What is kept on the reader's device. */
const kept = (shown) =>
  shown.root.evaluate(() => Object.fromEntries(Object.entries(localStorage).map(([name, value]) => [name.split(' ')[0], value])));

/** As a reader does who won't wait. */
const retry = (shown) => shown.$('.sawt-retry').click();

for (const mode of ['page', 'script']) {
  test(`whatever a stranger answers in the service’s place, the vote waits, and is counted once (${mode})`, async () => {
    const { sawt, poll, stranger, open } = await meet(mode);
    const shown = await open();
    await shown.is('open');
    await shown.choose('yes');
    const answered = () => shown.page.waitForResponse((answer) => VOTE.test(`${answer.request().method()} ${answer.url()}`));
    let sends = () => shown.press();
    let first;
    for (const [name, answer] of Object.entries(ANSWERS)) {
      stranger.answers(VOTE, answer);
      await Promise.all([answered(), sends()]);
      sends = () => retry(shown);
      await shown.says('لا اتصال');
      await shown.is('offline');
      const { 'sawt.nonce': nonce, [`sawt.pending.${poll.id}`]: pending } = await kept(shown);
      assert.deepEqual(JSON.parse(pending).choices, ['yes'], `forgotten after: ${name}`);
      assert.match(nonce, /^[\w-]{22}$/, `no voter after: ${name}`);
      assert.equal(nonce, (first ??= nonce), `another voter after: ${name}`);
    }
    assert.equal((await sawt.tally(poll)).ballots, 0);
    stranger.goes();
    await shown.again();
    await shown.says('سُجّل صوتك');
    assert.equal((await sawt.tally(poll)).ballots, 1);
    assert.deepEqual(Object.keys(await kept(shown)), ['sawt.voter']);
  });
}

test('a vote that a stranger answered is kept through a reload, and sent again by itself', async () => {
  const { sawt, poll, stranger, open } = await meet();
  const shown = await open();
  stranger.answers(VOTE, ANSWERS['a page of its own']);
  await shown.choose('no');
  await shown.press();
  await shown.is('offline');
  // By itself, again and again.
  await stranger.isAsked(VOTE, 2);
  await shown.page.reload();
  await stranger.isAsked(VOTE, 3);
  await shown.is('offline');
  stranger.goes();
  // Nobody presses anything.
  await shown.is('voted');
  assert.deepEqual((await sawt.tally(poll)).options.map(({ votes }) => votes), [0, 1]);
});

test('what a stranger gives in place of a voter is no voter', async () => {
  const { sawt, poll, stranger, open } = await meet();
  const shown = await open();
  await shown.choose('yes');
  const answered = () => shown.page.waitForResponse((answer) => answer.url().endsWith('/votes'));
  let sends = () => shown.press();
  const answers = [...Object.values(ANSWERS), ...['"<html>"', 'null'].map((voter) =>
    ({ status: 201, type: 'application/json', body: `{"poll":"${poll.id}","choices":["yes"],"voter":${voter}}` }))];
  for (const answer of answers) {
    stranger.answers(VOTE, answer);
    await Promise.all([answered(), sends()]);
    sends = () => retry(shown);
    await shown.is('offline');
    assert.deepEqual(Object.keys(await kept(shown)).sort(), ['sawt.nonce', `sawt.pending.${poll.id}`]);
  }
  stranger.goes();
  await shown.again();
  assert.equal((await sawt.tally(poll)).ballots, 1);
});

test('a voter the service does not take is replaced once for a vote, and never at a stranger’s word', async () => {
  const { sawt, poll, stranger, open } = await meet();
  const shown = await open();
  await shown.root.evaluate(() => localStorage.setItem('sawt.voter', 'of-another-age'));
  stranger.answers(VOTE, ANSWERS.unauthorized);
  await shown.choose('yes');
  await shown.press();
  await shown.is('offline');
  assert.equal((await kept(shown))['sawt.voter'], 'of-another-age');
  const refusal = { type: 'urn:sawt:problem:voter-required', title: '', status: 401, code: 'voter-required' };
  stranger.answers(VOTE, { status: 401, type: 'application/problem+json', body: JSON.stringify(refusal) });
  await retry(shown);
  await shown.says('تعذّر ذلك');
  assert.deepEqual(Object.keys(await kept(shown)), ['sawt.nonce']);
  stranger.goes();
  await shown.vote('yes');
  assert.equal((await sawt.tally(poll)).ballots, 1);
});

test('a vote is withdrawn when the service says so, and not when a stranger does', async () => {
  const { sawt, poll, stranger, open } = await meet('page', { changeable: true });
  const shown = await open();
  await shown.vote('yes');
  const answered = () => shown.page.waitForResponse((answer) => answer.url().endsWith('/withdraw'));
  let sends = () => shown.$('.sawt-withdraw').click();
  for (const answer of Object.values(ANSWERS)) {
    stranger.answers(WITHDRAWAL, answer);
    await Promise.all([answered(), sends()]);
    sends = () => retry(shown);
    await shown.is('offline');
  }
  assert.equal((await sawt.tally(poll)).ballots, 1);
  stranger.goes();
  await retry(shown).catch(() => {});
  await shown.is('open');
  await shown.says('سُحب صوتك');
  assert.equal((await sawt.tally(poll)).ballots, 0);
});

test('a reader’s ballot is asked for until the service says which it is', async () => {
  const { stranger, open } = await meet();
  const shown = await open();
  await shown.vote('yes');
  for (const answer of [ANSWERS['a page of its own'], ANSWERS['not found'], ANSWERS['JSON of its own']]) {
    stranger.answers(BALLOT, answer, 1);
    await shown.page.reload();
    await shown.is('voted');
    assert.ok(await shown.$('[data-option="yes"] .sawt-mine').isVisible());
  }
});

test('the tally of a poll that has closed is asked for until it comes', async () => {
  const { sawt, poll, stranger, open } = await meet('page', { results: 'after_close' });
  await sawt.vote(poll, ['no'], 2);
  stranger.answers(/live|results/, ANSWERS['a page of its own']);
  const shown = await open();
  await shown.is('open');
  await sawt.close(poll);
  await shown.choose('yes');
  await shown.press();
  await shown.is('hidden');
  // By this way alone.
  stranger.answers(/live|results\?/, ANSWERS['a page of its own']);
  await shown.is('closed');
  await shown.results('صوتان');
});
