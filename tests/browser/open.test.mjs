// Readers' own words: a field below the option "something else", and what others said once an editor lets it be seen.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DESKTOP, PHONE, picture } from './browser.mjs';
import { Shown, look } from './poll.mjs';
import { stage } from './stage.mjs';

const set = stage();

const SAID = {
  ar: {
    question: 'ما أهم قضية في الانتخابات المقبلة؟',
    options: [
      { id: 'yes', label: 'غلاء المعيشة' },
      { id: 'no', label: 'السكن' },
    ],
    words: 'نقل مباريات المنتخب Live على القناة الأولى',
    others: ['زحمة الطرق عند المدارس صباح كل يوم، ولا حل لها منذ سنوات طويلة', 'الصحة'],
    left: 'بقي 38 حرفًا',
    long: 'النص أطول من 80 حرفًا.',
    votes: 'صوتان',
  },
  en: {
    question: 'What matters most to you in this election?',
    options: [
      { id: 'yes', label: 'The cost of living' },
      { id: 'no', label: 'Housing' },
    ],
    words: 'That they show the match live on channel 1',
    others: ['The traffic around schools every morning, which nobody does anything about', 'Health'],
    left: '38 characters left',
    long: 'Your text is longer than 80 characters.',
    votes: '2 votes',
  },
};

/** A poll in which others have said something, of which readers are shown the part that an editor lets them. */
async function poll(language, more) {
  const { question, options, others } = SAID[language];
  const poll = await set.sawt.poll({ language, question, options, open_answer: true, changeable: true, ...more });
  await set.sawt.vote(poll, ['yes'], 3);
  for (const [place, open_answer] of others.entries()) {
    for (let count = 0; count <= place; count += 1) {
      const { voter } = await set.sawt.ask('POST', '/v1/voters');
      await set.sawt.ask('POST', `/v1/polls/${poll.id}/votes`, { choices: ['other'], open_answer, voter });
    }
  }
  return poll;
}

async function answers(poll) {
  return (await set.sawt.ask('GET', `/v1/polls/${poll.id}/answers`)).items;
}

for (const [language, viewport] of [['ar', PHONE], ['en', DESKTOP]]) {
  const said = SAID[language];

  test(`a reader says something else in their own words, by the keyboard alone (${language})`, async () => {
    const { sawt, publisher } = set;
    const asked = await poll(language);
    const reader = await set.reader({ viewport, locale: language });
    const shown = await Shown.open({ reader, publisher, sawt, poll: asked, mode: 'element' });
    await shown.is('open');
    const field = shown.$('.sawt-text');
    assert.equal(await field.isVisible(), false, 'there is no field before it is wanted');
    await look(shown, `open-${language}-closed`);
    // The arrows lead to the option, and the next stop is its field, which runs as the poll does.
    await shown.$('input[value="yes"]').focus();
    for (const key of ['ArrowDown', 'ArrowDown']) await shown.page.keyboard.press(key);
    assert.equal(await shown.focused(), 'input[value=other]');
    await shown.page.keyboard.press('Tab');
    assert.equal(await shown.focused(), 'input.sawt-text');
    assert.equal(await field.evaluate((field) => getComputedStyle(field).direction), language === 'ar' ? 'rtl' : 'ltr');
    await look(shown, `open-${language}-empty`);
    // More than may be is said, and not sent. Emoji are counted as readers count them.
    await field.fill('👩‍👩‍👧‍👦'.repeat(81).slice(0, 81 * 11));
    await shown.page.keyboard.press('Enter');
    await shown.says(said.long);
    assert.equal((await shown.$('.sawt').innerText()).split(said.long).length, 2, 'it is said once');
    await look(shown, `open-${language}-long`);
    assert.equal((await sawt.tally(asked)).ballots, 6);
    await field.fill(said.words);
    await shown.$('.sawt-left').filter({ hasText: said.left }).waitFor();
    await look(shown, `open-${language}-written`);
    await shown.page.keyboard.press('Enter');
    await shown.is('voted');
    assert.deepEqual((await answers(asked)).filter(({ text }) => text === said.words).map(({ ballots, state }) => [ballots, state]), [[1, 'waiting']]);
    // Whoever changes their vote finds their words, also in a page that was loaded anew; another option takes them back.
    await shown.page.reload();
    await shown.is('voted');
    await shown.$('.sawt-change').click();
    assert.equal(await field.inputValue(), said.words);
    await shown.choose('no');
    assert.equal(await field.isVisible(), false);
    await shown.press();
    await shown.is('voted');
    assert.ok((await answers(asked)).every(({ text }) => text !== said.words));
    assert.equal(await shown.$('.sawt-said').count(), 0, 'no reader sees what no editor let them');
    for (const { id } of await answers(asked)) await sawt.ask('POST', `/v1/polls/${asked.id}/answers/${id}`, { state: 'shown' });
    // A replica keeps for a moment what it has read.
    while ((await sawt.tally(asked)).open_answers.length < said.others.length) await new Promise((soon) => setTimeout(soon, 100));
    // Another reader: this one's browser may show the page it has for a while.
    const other = await set.reader({ viewport, locale: language });
    const again = await Shown.open({ reader: other, publisher, sawt, poll: asked, mode: 'element' });
    await again.vote('yes');
    assert.deepEqual(await again.$('.sawt-said').allTextContents(), [...said.others].reverse().map((text, place) => text + (place ? oneVote(language) : said.votes)));
    await look(again, `open-${language}-shown`);
  });
}

const oneVote = (language) => (language === 'ar' ? 'صوت واحد' : '1 vote');

test('words on their way when a page is left go with the vote when the reader is back', async () => {
  const { sawt, publisher } = set;
  const asked = await poll('en', { kind: 'multiple', max_choices: 2 });
  const wire = await set.wire();
  const reader = await set.reader({ viewport: PHONE }, wire.origin);
  const shown = await Shown.open({ reader, publisher, sawt: wire, poll: asked, mode: 'element' });
  await shown.is('open');
  await shown.choose('no', 'other');
  await shown.$('.sawt-text').fill('a  b');
  reader.excuse(/Failed to load resource|net::ERR/);
  wire.cut();
  await shown.press();
  await shown.is('offline');
  await shown.page.close();
  wire.mend();
  const again = await Shown.open({ reader, publisher, sawt: wire, poll: asked, mode: 'element' });
  await again.is('voted');
  assert.ok((await answers(asked)).some(({ text, ballots }) => text === 'a b' && ballots === 1));
});

test('without JavaScript the field is there once its option is chosen', async () => {
  const { sawt } = set;
  const asked = await poll('ar');
  const reader = await set.reader({ javaScriptEnabled: false, viewport: PHONE });
  const page = await reader.open(`${sawt.origin}/embed/${asked.id}/form`);
  const shown = Shown.in(page, 'page');
  assert.equal(await shown.$('.sawt-text').isVisible(), false);
  await shown.choose('other');
  await shown.$('.sawt-text').fill('الصحة');
  await picture(page, 'open-form');
  await shown.press();
  await shown.is('voted');
  assert.equal((await answers(asked)).find(({ text }) => text === 'الصحة').ballots, 3);
});
