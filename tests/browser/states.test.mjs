// Every state a poll can be in: what a reader sees of it, in both directions of writing, and that axe-core finds
// nothing in it, in either theme.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DESKTOP, PHONE, axe } from './browser.mjs';
import { Shown, look } from './poll.mjs';
import { stage } from './stage.mjs';

const set = stage();

/** A test in Arabic on a phone, and in English on a desktop. */
function inBothLanguages(name, run) {
  for (const [language, viewport] of [['ar', PHONE], ['en', DESKTOP]]) {
    test(`${name} (${language})`, async () => {
      const come = (...more) => set.reader({ viewport, locale: language, timezoneId: 'Asia/Kuwait' }, ...more);
      await run({ ...set, come, language, is: (ar, en) => (language === 'ar' ? ar : en) });
    });
  }
}

inBothLanguages('a poll that is not open yet says when it opens', async ({ sawt, publisher, come, language, is }) => {
  const poll = await sawt.poll({ language, opens_at: '2999-03-01T09:30:00Z' });
  const shown = await Shown.open({ reader: await come(), publisher, sawt, poll, mode: 'script' });
  await shown.is('scheduled');
  const time = shown.$('.sawt-note time');
  assert.equal(await time.getAttribute('datetime'), '2999-03-01T09:30:00.000Z');
  assert.match(await time.textContent(), /2999/);
  assert.match(await shown.$('.sawt-note').textContent(), is(/يبدأ التصويت/, /Voting opens/));
  assert.ok(await shown.$('button.sawt-vote').isDisabled());
  await look(shown, `state-scheduled-${language}`);
});

inBothLanguages('a poll opens before the readers who wait for it', async ({ sawt, publisher, come, language }) => {
  const poll = await sawt.poll({ language, opens_at: '2999-03-01T09:30:00Z' });
  const shown = await Shown.open({ reader: await come(), publisher, sawt, poll, mode: 'iframe' });
  await shown.is('scheduled');
  await sawt.ask('POST', `/v1/polls/${poll.id}/open`);
  await shown.vote('yes');
  assert.equal((await sawt.tally(poll)).ballots, 1);
});

inBothLanguages('a poll that closes while it is open shows its final results', async ({ sawt, publisher, come, language, is }) => {
  const poll = await sawt.poll({ language, results: 'after_close' });
  await sawt.vote(poll, ['no'], 2);
  const shown = await Shown.open({ reader: await come(), publisher, sawt, poll, mode: 'element' });
  await shown.is('open');
  await shown.choose('yes');
  await sawt.close(poll);
  await shown.is('closed');
  assert.deepEqual((await shown.results(is('صوتان', '2 votes'))).map(({ share }) => share), ['0%', '100%']);
  assert.deepEqual(await leaders(shown, is), ['no']);
  const note = shown.$('.sawt-note');
  await note.filter({ hasText: is(/النتائج النهائية/, /final results/) }).waitFor();
  // In the reader's own time, whichever that is.
  const { closes_at: closedAt } = await sawt.ask('GET', `/v1/polls/${poll.id}`);
  assert.equal(await note.locator('time').getAttribute('datetime'), closedAt);
  const inKuwait = ([locale, moment]) =>
    new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeStyle: 'short', timeZone: 'Asia/Kuwait' }).format(new Date(moment));
  const time = await shown.page.evaluate(inKuwait, [`${language}-u-ca-gregory-nu-latn`, closedAt]);
  assert.ok((await note.textContent()).startsWith(is(`انتهى التصويت ${time}.`, `Voting ended ${time}.`)), await note.textContent());
  await look(shown, `state-closed-${language}`);
});

/** The options that are said to lead, in words that are read out. */
async function leaders(shown, is) {
  const said = shown.$('[data-option]').filter({ has: shown.page.locator('.sawt-lead', { hasText: is('الأكثر أصواتًا', 'Most votes') }) });
  return said.evaluateAll((rows) => rows.map((row) => row.dataset.option));
}

inBothLanguages('a poll that has closed shows its final results at once, and who leads', async ({ sawt, publisher, come, language, is }) => {
  const poll = await sawt.poll({ language });
  await sawt.vote(poll, ['yes']);
  await sawt.close(poll);
  const shown = await Shown.open({ reader: await come(), publisher, sawt, poll, mode: 'page' });
  await shown.is('closed');
  assert.deepEqual((await shown.results(is('صوت واحد', '1 vote'))).map(({ share }) => share), ['100%', '0%']);
  assert.deepEqual(await leaders(shown, is), ['yes']);
});

inBothLanguages('of equals all lead in the end, of none nobody, and while a poll is open nobody does', async ({ sawt, publisher, come, language, is }) => {
  const options = ['a', 'b', 'c'].map((id) => ({ id, label: is(`الخيار ${id}`, `Option ${id}`) }));
  const [tie, none] = [await sawt.poll({ language, options }), await sawt.poll({ language, options })];
  await sawt.vote(tie, ['c']);
  const reader = await come();
  const open = await Shown.open({ reader, publisher, sawt, poll: tie, mode: 'element' });
  await open.vote('a');
  assert.deepEqual(await leaders(open, is), []);
  const unvoted = await Shown.open({ reader, publisher, sawt, poll: none, mode: 'element' });
  await unvoted.is('open');
  for (const poll of [tie, none]) await sawt.close(poll);
  // As the script draws it, and as the server writes it.
  for (const shown of [open, unvoted]) {
    await shown.page.bringToFront();
    await shown.is('closed');
  }
  await open.$('[data-option="a"] .sawt-lead:not(:empty)').waitFor();
  await look(open, `state-tie-${language}`);
  assert.deepEqual([await leaders(open, is), await leaders(unvoted, is)], [['a', 'c'], []]);
  for (const [poll, expected] of [[tie, ['a', 'c']], [none, []]]) {
    const anew = await Shown.open({ reader, publisher, sawt, poll, mode: 'page' });
    await anew.is('closed');
    assert.deepEqual(await leaders(anew, is), expected);
  }
});

inBothLanguages('results that are hidden are said to be, and not sent', async ({ sawt, publisher, come, language, is }) => {
  const poll = await sawt.poll({ language, results: 'never' });
  await sawt.vote(poll, ['yes'], 3);
  const shown = await Shown.open({ reader: await come(), publisher, sawt, poll, mode: 'script' });
  await shown.is('open');
  await look(shown, `state-open-hidden-${language}`);
  await shown.choose('no');
  await shown.press();
  await shown.is('hidden');
  await shown.says(is('سُجّل صوتك', 'Your vote was counted'));
  assert.match(await shown.$('.sawt-note').textContent(), is(/لا تُنشر/, /not published/));
  assert.equal(await shown.$('.sawt-total').textContent(), '', 'hidden results leaked');
  assert.ok(await shown.$('[data-option="no"] .sawt-mine').isVisible());
  await look(shown, `state-hidden-${language}`);
});

inBothLanguages('results are shown to who has voted, and stay so after a reload', async ({ sawt, publisher, come, language, is }) => {
  const poll = await sawt.poll({ language, results: 'after_vote' });
  await sawt.vote(poll, ['yes'], 2);
  const shown = await Shown.open({ reader: await come(), publisher, sawt, poll, mode: 'script' });
  await shown.is('open');
  assert.match(await shown.$('.sawt-note').textContent(), is(/بعد أن تصوّت/, /once you have voted/));
  assert.equal(await shown.$('.sawt-peek').isVisible(), false);
  await shown.vote('yes');
  await shown.results(is('3 أصوات', '3 votes'));
  await shown.page.reload();
  await shown.is('voted');
  await shown.results(is('3 أصوات', '3 votes'));
  assert.ok(await shown.$('[data-option="yes"] .sawt-mine').isVisible());
  await look(shown, `state-voted-${language}`);
});

inBothLanguages('a vote that may change is changed and withdrawn', async ({ sawt, publisher, come, language, is }) => {
  const poll = await sawt.poll({ language, changeable: true });
  const reader = await come();
  // That there is no ballot any more is how the poll knows that it was withdrawn.
  reader.excuse(/the server responded with a status of 404 .*\/votes\/mine/);
  const shown = await Shown.open({ reader, publisher, sawt, poll, mode: 'script' });
  await shown.vote('yes');
  await shown.$('.sawt-change').click();
  await shown.is('open');
  assert.ok(await shown.$('input[value="yes"]').isChecked());
  await look(shown, `state-changing-${language}`);
  await shown.choose('no');
  await shown.press();
  await shown.is('voted');
  await shown.says(is('غُيّر صوتك', 'Your vote was changed'));
  assert.deepEqual((await sawt.tally(poll)).options.map(({ votes }) => votes), [0, 1]);
  await look(shown, `state-changed-${language}`);
  await shown.$('.sawt-withdraw').click();
  await shown.is('open');
  await shown.says(is('سُحب صوتك', 'withdrawn'));
  assert.equal((await sawt.tally(poll)).ballots, 0);
});

inBothLanguages('several choices are taken up to as many as the poll allows', async ({ sawt, publisher, come, language, is }) => {
  const labels = is(['الاقتصاد', 'التعليم', 'الصحة', 'الإسكان'], ['The economy', 'Education', 'Health', 'Housing']);
  const poll = await sawt.poll({
    language,
    kind: 'multiple',
    max_choices: 2,
    question: is('ما الذي يهمك أكثر في جلسة الغد؟', 'What matters most to you in tomorrow’s session?'),
    options: labels.map((label, place) => ({ id: `o${place}`, label })),
  });
  const shown = await Shown.open({ reader: await come(), publisher, sawt, poll, mode: 'iframe' });
  await shown.is('open');
  await shown.press();
  await shown.says(is('اختر إجابة أولًا', 'Choose an answer first'));
  await shown.choose('o0');
  await shown.says(is('اخترت 1 من 2.', '1 of 2 chosen.'));
  await shown.choose('o1');
  await shown.says(is('اخترت 2 من 2. ألغِ إجابة', '2 of 2 chosen. Untick one'));
  // The others can't be ticked, by mouse or keyboard, and whoever can't see it is told.
  const disabled = () => shown.$('input').evaluateAll((all) => all.map((input) => input.getAttribute('aria-disabled') === 'true'));
  assert.deepEqual(await disabled(), [false, false, true, true]);
  const ticked = () => shown.$('input').evaluateAll((all) => all.filter((input) => input.checked).map((input) => input.value));
  await shown.$('.sawt-option').nth(2).click({ force: true });
  await shown.$('input[value="o3"]').press(' ');
  assert.deepEqual(await ticked(), ['o0', 'o1']);
  await look(shown, `state-multiple-open-${language}`);
  await shown.$('input[value="o1"]').uncheck();
  await shown.says(is('اخترت 1 من 2.', '1 of 2 chosen.'));
  assert.deepEqual(await disabled(), [false, false, false, false]);
  await shown.choose('o3');
  await shown.press();
  await shown.is('voted');
  assert.deepEqual((await sawt.tally(poll)).options.map(({ votes }) => votes), [1, 0, 0, 1]);
  await shown.results(is('مشارك واحد', '1 person voted'));
  await look(shown, `state-multiple-voted-${language}`);
});

inBothLanguages('fewer choices than the poll wants are kept, and counted aloud', async ({ sawt, publisher, come, language, is }) => {
  const options = ['o0', 'o1', 'o2'].map((id) => ({ id, label: is(`الخيار ${id}`, `Option ${id}`) }));
  const poll = await sawt.poll({ language, kind: 'multiple', min_choices: 2, options });
  const shown = await Shown.open({ reader: await come(), publisher, sawt, poll, mode: 'script' });
  await shown.is('open');
  await shown.choose('o1');
  await shown.press();
  await shown.says(is('اخترت 1. اختر 2 على الأقل.', 'You chose 1. Choose at least 2.'));
  assert.ok(await shown.$('input[value="o1"]').isChecked());
  await look(shown, `state-multiple-few-${language}`);
  // All there are is no limit.
  await shown.choose('o0', 'o2');
  await shown.says(is('اخترت 3 من 3.', '3 of 3 chosen.'));
  assert.equal(await shown.$('[aria-disabled="true"]').count(), 0);
  await shown.press();
  await shown.is('voted');
});

inBothLanguages('a poll that is deleted is said to be gone', async ({ sawt, publisher, come, language, is }) => {
  const poll = await sawt.poll({ language });
  const reader = await come();
  // The stream may be asked for just after the poll has gone.
  reader.excuse(/the server responded with a status of 404 .*\/v1\/live/);
  const shown = await Shown.open({ reader, publisher, sawt, poll, mode: 'script' });
  await shown.is('open');
  await sawt.ask('DELETE', `/v1/polls/${poll.id}`);
  await shown.is('gone');
  await shown.says(is('لم يعد متاحًا', 'not available any more'));
  await look(shown, `state-gone-${language}`);
});

inBothLanguages('a quota that is spent is said, with the wait, and the vote is counted after it', async ({ publisher, come, language, is }) => {
  // One voter in ten seconds: the reader before took it.
  const sawt = await set.replica({ SAWT_QUOTA_MINT: '1/10s' });
  const poll = await sawt.poll({ language });
  const reader = await come(sawt.origin);
  reader.excuse(/the server responded with a status of 429/);
  const shown = await Shown.open({ reader, publisher, sawt, poll, mode: 'script' });
  await shown.is('open');
  await shown.choose('yes');
  await sawt.ask('POST', '/v1/voters', undefined, '');
  await shown.press();
  const wait = shown.$('.sawt[data-state="quota"] .sawt-wait');
  await wait.filter({ hasText: is(/نعيد المحاولة/, /Trying again/) }).waitFor();
  await look(shown, `state-quota-${language}`);
  await shown.is('voted');
  assert.equal((await sawt.tally(poll)).ballots, 1);
});

inBothLanguages('a reader without a connection is told so, and their vote is counted when it is back', async ({ sawt, publisher, come, language, is }) => {
  const poll = await sawt.poll({ language });
  const wire = await set.wire();
  const reader = await come(wire.origin);
  reader.excuse(/net::ERR_|Failed to load resource/);
  const shown = await Shown.open({ reader, publisher, sawt: wire, poll, mode: 'script' });
  await shown.is('open');
  await shown.choose('yes');
  wire.cut();
  await shown.press();
  await shown.is('offline');
  await shown.says(is('لا اتصال', 'offline'));
  await look(shown, `state-offline-${language}`);
  wire.mend();
  await shown.again();
  assert.equal((await sawt.tally(poll)).ballots, 1);
});

inBothLanguages('a poll that has not come keeps its place and says so, and comes when it can', async ({ sawt, publisher, come, language, is }) => {
  const poll = await sawt.poll({ language });
  const wire = await set.wire();
  const reader = await come(wire.origin);
  reader.excuse(/net::ERR_|Failed to load resource/);
  // The page's own files come; the poll does not.
  await reader.context.route(`${wire.origin}/embed/${poll.id}*`, (route) => route.abort());
  const shown = await Shown.open({ reader, publisher, sawt: wire, poll, mode: 'script', isAwaited: false });
  await shown.is('loading');
  await shown.$('.sawt').filter({ hasText: is('تعذّر ذلك', 'That did not work') }).waitFor();
  await look(shown, `state-loading-${language}`);
  await reader.context.unroute(`${wire.origin}/embed/${poll.id}*`);
  await shown.vote('yes');
});
