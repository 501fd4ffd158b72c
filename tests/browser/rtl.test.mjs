// Right to left, and the words: what others got wrong, or what only a reader of Arabic would notice.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { PHONE, picture } from './browser.mjs';
import { MODES, Shown } from './poll.mjs';
import { stage } from './stage.mjs';

const set = stage();

// formbricks #5993
for (const mode of MODES) {
  test(`bars not mirrored right-to-left: in Arabic they grow from the right (${mode})`, async () => {
    const { sawt, publisher } = set;
    const starts = {};
    for (const language of ['ar', 'en']) {
      const poll = await sawt.poll({ language });
      await sawt.vote(poll, ['yes']);
      const reader = await set.reader({ viewport: PHONE, reducedMotion: 'reduce' });
      const shown = await Shown.open({ reader, publisher, sawt, poll, mode });
      await shown.vote('no');
      const track = await shown.box('[data-option="yes"] .sawt-bar');
      const fill = await shown.box('[data-option="yes"] .sawt-bar rect');
      assert.ok(Math.abs(fill.width - track.width / 2) < 2, `half the votes fill ${fill.width} of ${track.width}`);
      starts[language] = { right: Math.abs(fill.right - track.right), left: Math.abs(fill.left - track.left) };
      const [label, share] = [await shown.box('.sawt-results .sawt-label'), await shown.box('.sawt-share')];
      assert.equal(label.left > share.left, language === 'ar', 'the label stands where reading begins');
      const [input, text] = [await shown.box('.sawt-option input'), await shown.box('.sawt-option span')];
      assert.equal(input.left > text.left, language === 'ar', 'the button stands where reading begins');
    }
    assert.ok(starts.ar.right < 1 && starts.ar.left > 10, JSON.stringify(starts.ar));
    assert.ok(starts.en.left < 1 && starts.en.right > 10, JSON.stringify(starts.en));
  });
}

test('an Arabic poll keeps its direction in an English page, and an English one in an Arabic page', async () => {
  const { sawt, publisher } = set;
  for (const [language, around] of [['ar', 'en'], ['en', 'ar']]) {
    const poll = await sawt.poll({ language });
    const shown = Shown.in(
      await (await set.reader()).open(publisher.article('script', { sawt: sawt.origin, poll, language: around })),
      'script',
    );
    await shown.is('open');
    const direction = await shown.root.evaluate((root) => getComputedStyle(root).direction);
    assert.equal(direction, language === 'ar' ? 'rtl' : 'ltr');
    const [question, card] = [await shown.box('.sawt-question'), await shown.box('.sawt')];
    assert.ok(question.left >= card.left && question.right <= card.right);
  }
});

const MIXED = {
  ar: {
    question: 'C++ أم Rust: أي لغة برمجة تفضّل؟',
    options: [{ id: 'c', label: 'C++ (أو C)' }, { id: 'r', label: 'Rust!' }, { id: 'x', label: 'غير ذلك' }],
    runs: ['rtl', 'ltr', 'rtl'],
  },
  en: {
    question: 'نعم or no?',
    options: [{ id: 'y', label: 'نعم (yes)!' }, { id: 'n', label: 'لا!' }, { id: 'x', label: 'Neither' }],
    runs: ['ltr', 'rtl', 'ltr'],
  },
};

/** Where the letters of each text stand, from where those of the poll begin: the start of what is around them is 0. */
async function starts(shown, selector) {
  return shown.$(selector).evaluateAll((all) =>
    all.map((one) => {
      const letters = document.createRange();
      letters.selectNodeContents(one);
      const [text, around] = [letters.getBoundingClientRect(), one.getBoundingClientRect()];
      const isRtl = one.closest('.sawt').dir === 'rtl';
      return Math.round(isRtl ? around.right - text.right : text.left - around.left);
    }));
}

for (const language of ['ar', 'en']) {
  for (const mode of [...MODES, 'form']) {
    test(`a text of the other direction runs its own way, and stands where the poll’s texts do (${mode}, ${language})`, async () => {
      const { sawt, publisher } = set;
      const { question, options, runs } = MIXED[language];
      const poll = await sawt.poll({ language, question, options });
      const reader = await set.reader({ viewport: PHONE, reducedMotion: 'reduce', javaScriptEnabled: mode !== 'form' });
      const shown =
        mode === 'form'
          ? Shown.in(await reader.open(`${sawt.origin}/embed/${poll.id}/form`), 'page')
          : await Shown.open({ reader, publisher, sawt, poll, mode });
      await shown.is('open');
      const labels = '.sawt-option span';
      assert.deepEqual(await shown.$(labels).evaluateAll((all) => all.map((one) => getComputedStyle(one).direction)), runs);
      assert.deepEqual(await starts(shown, labels), [0, 0, 0], 'labels beside their buttons');
      // It has a letter of the poll's own direction, though a word of the other stands first.
      assert.equal(await shown.$('.sawt-question').getAttribute('dir'), language === 'ar' ? 'rtl' : 'ltr');
      assert.deepEqual(await starts(shown, '.sawt-question'), [0]);
      await picture(shown.page, `mixed-directions-${mode}-${language}`);
      await shown.vote(options[0].id);
      assert.deepEqual(await starts(shown, '.sawt-results .sawt-label'), [0, 0, 0], 'labels in the results');
      await picture(shown.page, `mixed-directions-${mode}-${language}-voted`);
    });
  }
}

test('a reworded text runs its own way', async () => {
  const { sawt, publisher } = set;
  const poll = await sawt.poll({ question: 'Rust', options: [{ id: 'c', label: 'سي' }, { id: 'r', label: 'Rust' }] });
  const shown = await Shown.open({ reader: await set.reader(), publisher, sawt, poll, mode: 'script' });
  await shown.is('open');
  const options = [{ id: 'c', label: 'C++' }, { id: 'r', label: 'Rust هي الأفضل' }];
  await sawt.ask('PATCH', `/v1/polls/${poll.id}`, { revision: 1, question: 'Rust أم C++؟', options, reason: 'غيره أوضح' });
  await shown.$('.sawt-question').filter({ hasText: 'أم' }).waitFor();
  const dirs = (selector) => shown.$(selector).evaluateAll((all) => all.map(({ dir }) => dir));
  for (const [selector, expected] of [
    ['.sawt-question', ['rtl']],
    ['.sawt-option span', ['auto', 'rtl']],
    ['.sawt-results .sawt-label', ['auto', 'rtl']],
  ]) assert.deepEqual(await dirs(selector), expected, selector);
});

test('the words around a poll run their own way in it, the full stop where the sentence ends', async () => {
  const { sawt } = set;
  for (const [language, lang, direction] of [['ar', 'fr', 'ltr'], ['en', 'ar', 'rtl']]) {
    const poll = await sawt.poll({ language, results: 'after_vote' });
    const reader = await set.reader({ viewport: PHONE });
    const shown = Shown.in(await reader.open(`${sawt.origin}/embed/${poll.id}?lang=${lang}`), 'page');
    await shown.vote('yes');
    for (const selector of ['.sawt-rule', '.sawt-share', '.sawt-votes', '.sawt-total', '.sawt-status']) {
      const runs = await shown.$(selector).first().evaluate((one) => getComputedStyle(one).direction);
      assert.equal(runs, direction, `${selector} in ${lang}`);
    }
    const [share, bar] = [await shown.box('.sawt-share'), await shown.box('.sawt-bar')];
    const end = language === 'ar' ? share.left - bar.left : bar.right - share.right;
    assert.ok(Math.abs(end) < 1, `the share stands at the end of its bar, ${end} from it`);
    assert.deepEqual(await starts(shown, '.sawt-status'), [0]);
    await picture(shown.page, `words-${lang}-in-${language}`);
  }
});

// The parts of a time are numbers with signs between them, which a right-to-left text turns around.
test('without JavaScript a time is told by the site’s clock, its parts in the order they are read in', async () => {
  const { sawt } = set;
  const site = await sawt.site([], { timezone: 'Asia/Kuwait' });
  for (const [language, said] of [
    ['ar', 'ينتهي التصويت 2999-03-01 12:30 بتوقيت الكويت.'],
    ['en', 'Voting ends 2999-03-01 12:30 Kuwait time.'],
  ]) {
    const poll = await sawt.poll({ site, language, closes_at: '2999-03-01T09:30:00Z' });
    // Whatever the reader's own zone is.
    const reader = await set.reader({ viewport: PHONE, javaScriptEnabled: false, timezoneId: 'America/New_York' });
    const shown = Shown.in(await reader.open(`${sawt.origin}/embed/${poll.id}/form`), 'page');
    await shown.is('open');
    assert.equal((await shown.$('.sawt-note').textContent()).trim(), said);
    // Where each part's letters begin and end, as they are read.
    const parts = await shown.$('.sawt-note time span').evaluateAll((all) => all.map((one) => {
      const { left, right, top, bottom } = one.getClientRects()[0];
      return { left, right, top, bottom, runs: getComputedStyle(one).direction };
    }));
    assert.deepEqual(parts.map(({ runs }) => runs), ['ltr', 'ltr', language === 'ar' ? 'rtl' : 'ltr']);
    for (const [before, after] of [[parts[0], parts[1]], [parts[1], parts[2]]]) {
      const isNext = language === 'ar' ? after.right <= before.left : after.left >= before.right;
      assert.ok(isNext || after.top >= before.bottom, `${language}: ${JSON.stringify(parts)}`);
    }
    await picture(shown.page, `closing-time-form-${language}`);
  }
});

test('each number of votes is said in its own plural, the same by the server and by the script', async () => {
  const { sawt, publisher } = set;
  const said = { 0: 'لا أصوات', 1: 'صوت واحد', 2: 'صوتان', 3: '3 أصوات', 10: '10 أصوات', 11: '11 صوتًا' };
  const poll = await sawt.poll();
  const shown = await Shown.open({ reader: await set.reader(), publisher, sawt, poll, mode: 'script' });
  await shown.is('open');
  await shown.$('.sawt-peek').click();
  const plain = await (await set.reader({ javaScriptEnabled: false })).open(`${sawt.origin}/embed/${poll.id}/form?view=results`);
  let cast = 0;
  for (const [count, words] of Object.entries(said)) {
    await sawt.vote(poll, ['yes'], count - cast);
    cast = Number(count);
    await shown.$('.sawt-total').filter({ hasText: words }).waitFor();
    await plain.reload();
    assert.equal(await plain.locator('.sawt-total').textContent(), words, `the server's words for ${count}`);
  }
});

test('Arabic-Indic digits are a setting, the same by the server and by the script', async () => {
  const { sawt } = set;
  const poll = await sawt.poll();
  await sawt.vote(poll, ['yes'], 10);
  await sawt.vote(poll, ['no'], 1);
  const reader = await set.reader({ viewport: PHONE });
  const shown = Shown.in(await reader.open(`${sawt.origin}/embed/${poll.id}?digits=arab`), 'page');
  await shown.is('open');
  await shown.$('.sawt-peek').click();
  assert.equal(await shown.$('.sawt-total').textContent(), '١١ صوتًا');
  assert.equal(await shown.$('.sawt-share').first().textContent(), '٩٠٫٩٪');
  await shown.$('.sawt-back').click();
  await shown.vote('no');
  const rows = await shown.results('١٢ صوتًا');
  assert.deepEqual(rows.map(({ share }) => share), ['٨٣٫٣٪', '١٦٫٧٪']);
  await picture(shown.page, 'digits-arab');
});

test('the words around a poll can be another language than its own', async () => {
  const { sawt } = set;
  const poll = await sawt.poll();
  const shown = Shown.in(await (await set.reader()).open(`${sawt.origin}/embed/${poll.id}?lang=fr`), 'page');
  await shown.is('open');
  assert.equal(await shown.root.getAttribute('lang'), 'fr');
  assert.equal(await shown.$('.sawt-question').getAttribute('lang'), 'ar');
  assert.match(await shown.$('.sawt-vote').textContent(), /Voter/);
});

test('the picture in the README is of this widget', async () => {
  const { sawt, publisher } = set;
  const poll = await sawt.poll();
  await sawt.vote(poll, ['yes'], 11);
  await sawt.vote(poll, ['no'], 7);
  const reader = await set.reader({ viewport: { width: 480, height: 640 }, deviceScaleFactor: 2, reducedMotion: 'reduce' });
  const shown = await Shown.open({ reader, publisher, sawt, poll, mode: 'script' });
  await shown.vote('yes');
  await shown.results('19 صوتًا');
  // Where it has changed, the README's is made anew: deploy/widget-ar.png.
  await picture(shown.root, 'widget-ar');
});
