// Whether a reader's answer is right: told to who has voted in a quiz, and of a prediction once it is resolved.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DESKTOP, PHONE, axe, picture } from './browser.mjs';
import { Shown } from './poll.mjs';
import { stage } from './stage.mjs';

const set = stage();

const QUIZ = {
  question: 'متى صدر الدستور الكويتي؟',
  options: [
    { id: 'y1961', label: '1961' },
    { id: 'y1962', label: '1962' },
    { id: 'y1963', label: 'بعد الاستقلال بسنتين، أي في سنة 1963' },
  ],
  correct: 'y1962',
  explanation: 'صدر في 11 نوفمبر 1962، وعُمل به من 29 يناير 1963، يوم افتتاح أول مجلس للأمة.',
};

for (const [choice, verdict] of [['y1962', 'إجابتك صحيحة.'], ['y1963', 'إجابتك غير صحيحة. الصواب: \u20681962\u2069']]) {
  test(`a quiz says what is right once the reader has voted, and when they come back (${choice})`, async () => {
    const { sawt, publisher } = set;
    const poll = await sawt.poll({ ...QUIZ, language: 'ar' });
    await sawt.vote(poll, ['y1961'], 2);
    const reader = await set.reader({ viewport: PHONE });
    const shown = await Shown.open({ reader, publisher, sawt, poll, mode: 'element' });
    await shown.is('open');
    const before = await shown.root.evaluate((root) => root.outerHTML);
    assert.ok(!before.includes('11 نوفمبر') && !/y1962[^>]*(right|correct)/.test(before), before);
    await shown.vote(choice);
    const told = async (shown) => {
      assert.equal(await shown.$('.sawt-verdict').textContent(), verdict);
      assert.equal(await shown.$('.sawt-why').textContent(), QUIZ.explanation);
      assert.deepEqual(await shown.$('.sawt-right').allTextContents(), ['', 'الإجابة الصحيحة', '']);
    };
    await told(shown);
    for (const colorScheme of ['light', 'dark']) {
      await shown.page.emulateMedia({ colorScheme });
      assert.deepEqual(await axe(shown.page), []);
      await picture(shown.page, `quiz-${choice}-${colorScheme}`);
    }
    const again = await Shown.open({ reader, publisher, sawt, poll, mode: 'script' });
    await again.is('voted');
    await again.$('.sawt-verdict').filter({ hasText: verdict }).waitFor();
    await told(again);
  });
}

test('a quiz that shows no results still says what is right', async () => {
  const { sawt, publisher } = set;
  // What is told is the label as it is, and it runs its own way.
  const options = QUIZ.options.map((option) => (option.id === 'y1962' ? { ...option, label: 'C++ ($&, $$)' } : option));
  const poll = await sawt.poll({ ...QUIZ, options, language: 'ar', results: 'never' });
  const reader = await set.reader({ viewport: PHONE });
  const shown = await Shown.open({ reader, publisher, sawt, poll, mode: 'script' });
  await shown.choose('y1963');
  await shown.press();
  await shown.is('hidden');
  assert.equal(await shown.$('.sawt-verdict').textContent(), 'إجابتك غير صحيحة. الصواب: \u2068C++ ($&, $$)\u2069');
  await picture(shown.page, 'quiz-hidden');
});

test('without JavaScript a quiz says what is right in the page after the vote', async () => {
  const { sawt } = set;
  const poll = await sawt.poll({ ...QUIZ, language: 'ar' });
  const reader = await set.reader({ javaScriptEnabled: false, viewport: PHONE });
  const page = await reader.open(`${sawt.origin}/embed/${poll.id}/form`);
  const shown = Shown.in(page, 'page');
  assert.ok(!(await page.content()).includes('11 نوفمبر'));
  await shown.vote('y1961');
  assert.equal(await shown.$('.sawt-verdict').textContent(), 'إجابتك غير صحيحة. الصواب: \u20681962\u2069');
  assert.equal(await shown.$('.sawt-why').textContent(), QUIZ.explanation);
  await picture(page, 'quiz-form');
});

test('a prediction says what came true, and to who comes back how theirs fared', async () => {
  const { sawt, publisher } = set;
  const poll = await sawt.poll({ language: 'ar' });
  await sawt.vote(poll, ['yes'], 2);
  const reader = await set.reader({ viewport: DESKTOP });
  const shown = await Shown.open({ reader, publisher, sawt, poll, mode: 'script' });
  await shown.vote('no');
  await sawt.close(poll);
  await sawt.ask('POST', `/v1/polls/${poll.id}/resolve`, { option: 'no' });
  await sawt.ask('POST', `/v1/polls/${poll.id}/resolve`, { option: 'yes', reason: 'صُحّح الخبر مساءً.' });
  const again = await Shown.open({ reader, publisher, sawt, poll, mode: 'script' });
  await again.is('closed');
  await again.$('.sawt-verdict').filter({ hasText: 'لم يصدق توقّعك. ما تحقّق: \u2068نعم\u2069' }).waitFor();
  assert.equal(await again.$('.sawt-why').textContent(), 'صُحّح الخبر مساءً.');
  for (const colorScheme of ['light', 'dark']) {
    await again.page.emulateMedia({ colorScheme });
    assert.deepEqual(await axe(again.page), []);
    await picture(again.page, `prediction-${colorScheme}`);
  }
  // Who did not take part is told what came true, and nothing of themselves.
  const other = await Shown.open({ reader: await set.reader({ viewport: PHONE }), publisher, sawt, poll, mode: 'page' });
  await other.is('closed');
  assert.deepEqual(await other.$('.sawt-right').allTextContents(), ['ما تحقّق', '']);
  assert.equal(await other.$('.sawt-verdict').textContent(), '');
});

test('a series shows one question after another, and the score at the end; who comes back has it again', async () => {
  const { sawt, publisher } = set;
  const options = [{ id: 'a', label: 'أ' }, { id: 'b', label: 'ب' }];
  const polls = [];
  for (const question of ['السؤال الأول؟', 'السؤال الثاني؟', 'السؤال الثالث؟'])
    polls.push(await sawt.poll({ question, options, correct: 'b', language: 'ar' }));
  const gone = await sawt.poll({ options, correct: 'b', language: 'ar' });
  await sawt.ask('DELETE', `/v1/polls/${gone.id}`);
  const ids = [polls[0], gone, polls[1], polls[2]].map(({ id }) => id).join(' ');
  const poll = { ...polls[0], id: ids };
  const reader = await set.reader({ viewport: PHONE });
  reader.excuse(/the server responded with a status of 404/);
  const shown = await Shown.open({ reader, publisher, sawt, poll, mode: 'element' });
  const said = shown.$('.sawt-series [role="status"]');
  for (const [place, choice] of ['b', 'a', 'b'].entries()) {
    await shown.$('.sawt-question').filter({ hasText: polls[place].question }).waitFor();
    assert.ok(await shown.$('.sawt-next').isHidden(), 'there is a way past a question that is not answered');
    await shown.vote(choice);
    if (place === 0) await picture(shown.page, 'series-first');
    if (place < 2) await shown.$('.sawt-next').click();
  }
  assert.equal(await said.textContent(), 'أصبت في 2 من 3.');
  assert.ok(await shown.$('.sawt-next').isHidden());
  assert.deepEqual(await axe(shown.page), []);
  await picture(shown.page, 'series-last');
  const again = await Shown.open({ reader, publisher, sawt, poll, mode: 'element' });
  for (const place of [0, 1]) {
    await again.$('.sawt-question').filter({ hasText: polls[place].question }).waitFor();
    await again.$('.sawt-next').click();
  }
  await again.$('.sawt-series [role="status"]').filter({ hasText: 'أصبت في 2 من 3.' }).waitFor();
  // No part of it has been told to the service: each tally holds the ballot alone.
  for (const poll of polls) assert.equal((await sawt.tally(poll)).ballots, 1);
});

test('a series goes past polls without a right answer and past one that is gone, and waits for a ballot that is on record', async () => {
  const { sawt, publisher } = set;
  const options = [{ id: 'a', label: 'أ' }, { id: 'b', label: 'ب' }];
  const polls = [];
  for (const correct of ['b', undefined, 'a', 'a']) polls.push(await sawt.poll({ options, correct, language: 'ar', question: `السؤال ${polls.length + 1}؟` }));
  const shownPolls = polls.slice(0, 3);
  await sawt.ask('DELETE', `/v1/polls/${polls[3].id}`);
  const poll = { ...polls[0], id: polls.map(({ id }) => id).join(' ') };
  const reader = await set.reader({ viewport: PHONE });
  reader.excuse(/the server responded with a status of 404/);
  const shown = await Shown.open({ reader, publisher, sawt, poll, mode: 'element' });
  const series = (shown, text) => shown.$('.sawt-series [role="status"]').filter({ hasText: text }).waitFor();
  for (const { question } of shownPolls) {
    await shown.$('.sawt-question').filter({ hasText: question }).waitFor();
    await shown.vote('b');
    await picture(shown.page, `series-${shownPolls.findIndex((one) => one.question === question)}`);
    await shown.$('.sawt-next').click();
  }
  // The last one is gone, so the one before it is the last.
  await series(shown, 'أصبت في 1 من 2.');
  assert.equal(await shown.$('.sawt-question').textContent(), shownPolls[2].question);

  // Who comes back goes on once it is known what they answered, or their score would lack it.
  for (const one of shownPolls) await sawt.close(one);
  const again = await reader.open('about:blank');
  let release;
  const held = new Promise((done) => (release = done));
  await again.route('**/votes/mine', async (route) => {
    await held;
    await route.continue();
  });
  await again.goto(publisher.article('element', { sawt: sawt.origin, poll, language: 'ar', theme: 'light' }));
  const back = Shown.in(again, 'element');
  await back.is('closed');
  assert.ok(await back.$('.sawt-next').isHidden(), 'there is a way on before the ballot is known');
  release();
  for (const { question } of shownPolls) {
    await back.$('.sawt-question').filter({ hasText: question }).waitFor();
    await back.$('.sawt-next').click();
  }
  await series(back, 'أصبت في 1 من 2.');
});
