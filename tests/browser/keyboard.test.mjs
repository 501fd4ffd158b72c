// Without a mouse, and by ear.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { PHONE, picture } from './browser.mjs';
import { MODES, Shown } from './poll.mjs';
import { stage } from './stage.mjs';

const set = stage();

/** Presses Tab until the focus is here. */
async function tabTo(shown, name) {
  for (let presses = 0; presses < 12; presses += 1) {
    if ((await shown.focused()) === name) return;
    await shown.page.keyboard.press('Tab');
  }
  assert.fail(`Tab does not lead to ${name}, but to ${await shown.focused()}`);
}

for (const mode of MODES) {
  test(`by keyboard alone a reader chooses, votes, and is led to the results (${mode})`, async () => {
    const { sawt, publisher } = set;
    const poll = await sawt.poll();
    const shown = await Shown.open({ reader: await set.reader(), publisher, sawt, poll, mode });
    await shown.is('open');
    const { keyboard } = shown.page;
    await tabTo(shown, 'input[value=yes]');
    await keyboard.press('Space');
    assert.ok(await shown.$('input[value="yes"]').isChecked());
    await keyboard.press('ArrowDown');
    assert.ok(await shown.$('input[value="no"]').isChecked());
    assert.equal(await shown.focused(), 'input[value=no]');
    // Tab leaves the group as a whole.
    await keyboard.press('Tab');
    assert.equal(await shown.focused(), 'button.sawt-vote');
    await keyboard.press('Enter');
    await shown.is('voted');
    await shown.results('صوت واحد');
    assert.equal(await shown.focused(), 'div.sawt-results');
    assert.equal((await sawt.tally(poll)).options[1].votes, 1);
  });
}

test('several choices are made by keyboard, and Space presses the button', async () => {
  const { sawt, publisher } = set;
  const options = ['أ', 'ب', 'ج'].map((label, place) => ({ id: `o${place}`, label }));
  const poll = await sawt.poll({ kind: 'multiple', max_choices: 2, options });
  const shown = await Shown.open({ reader: await set.reader(), publisher, sawt, poll, mode: 'script' });
  await shown.is('open');
  const { keyboard } = shown.page;
  await tabTo(shown, 'input[value=o0]');
  await keyboard.press('Space');
  await tabTo(shown, 'input[value=o2]');
  await keyboard.press('Space');
  await tabTo(shown, 'button.sawt-vote');
  await keyboard.press('Space');
  await shown.is('voted');
  assert.deepEqual((await sawt.tally(poll)).options.map(({ votes }) => votes), [1, 0, 1]);
});

test('the results are looked at and left by keyboard, without a vote', async () => {
  const { sawt, publisher } = set;
  const poll = await sawt.poll();
  const shown = await Shown.open({ reader: await set.reader(), publisher, sawt, poll, mode: 'script' });
  await shown.is('open');
  await tabTo(shown, 'a.sawt-peek');
  await shown.page.keyboard.press('Enter');
  assert.equal(await shown.focused(), 'div.sawt-results');
  await tabTo(shown, 'a.sawt-back');
  await shown.page.keyboard.press('Enter');
  assert.equal(await shown.focused(), 'input[value=yes]');
  assert.equal((await sawt.tally(poll)).ballots, 0);
});

// amphtml #32751
test('results not announced: the one live region says what happened, once, and is silent about other votes', async () => {
  const { sawt, publisher } = set;
  const poll = await sawt.poll();
  const shown = await Shown.open({ reader: await set.reader(), publisher, sawt, poll, mode: 'script' });
  await shown.is('open');
  assert.equal(await shown.$('[role="status"], [aria-live]').count(), 1);
  await shown.$('[role="status"]').evaluate((status) => {
    globalThis.sawtTestSaid = [];
    const note = () => globalThis.sawtTestSaid.push(status.textContent);
    new MutationObserver(note).observe(status, { childList: true, characterData: true, subtree: true });
  });
  await shown.choose('yes');
  await shown.press();
  await shown.is('voted');
  await sawt.vote(poll, ['no'], 5);
  await shown.results('6 أصوات');
  const said = await shown.page.evaluate(() => globalThis.sawtTestSaid.filter(Boolean));
  assert.deepEqual(said, ['جارٍ إرسال صوتك…', 'سُجّل صوتك. شكرًا لمشاركتك.']);
  // The focus has gone to the results, which are a group named by the question.
  const named = await shown.$('.sawt-results').evaluate((results) => {
    const root = results.getRootNode();
    return [results.role, root.getElementById(results.getAttribute('aria-labelledby')).textContent];
  });
  assert.deepEqual(named, ['group', poll.question]);
});

test('the focus can be seen, and every target is 24 pixels or more', async () => {
  const { sawt, publisher } = set;
  const poll = await sawt.poll({ changeable: true });
  const shown = await Shown.open({ reader: await set.reader({ viewport: PHONE }), publisher, sawt, poll, mode: 'script' });
  await shown.is('open');
  for (const name of ['input[value=yes]', 'button.sawt-vote', 'a.sawt-peek']) {
    await tabTo(shown, name);
    const outline = await shown.root.evaluate((root) => {
      const focused = root.getRootNode().activeElement;
      const shown = focused.closest('label') ?? focused;
      const { outlineStyle, outlineWidth } = getComputedStyle(shown);
      return `${outlineStyle} ${outlineWidth}`;
    });
    assert.equal(outline, 'solid 3px', name);
  }
  await picture(shown.page, 'focus');
  const targets = async () =>
    shown.$('label, button, a').evaluateAll((all) =>
      all
        .map((one) => [one.className, one.getBoundingClientRect(), getComputedStyle(one).visibility])
        .filter(([, box, visibility]) => box.width > 0 && visibility === 'visible')
        .map(([name, { width, height }]) => ({ name, width, height })),
    );
  const before = await targets();
  await shown.vote('yes');
  for (const { name, width, height } of [...before, ...(await targets())]) {
    assert.ok(width >= 24 && height >= 24, `${name} is ${width} by ${height}`);
  }
});

test('nothing moves for who wants no motion, and all is there in forced colours and at 200 %', async () => {
  const { sawt, publisher } = set;
  const poll = await sawt.poll();
  await sawt.vote(poll, ['yes'], 3);
  // 200 % on a desktop is half as many pixels.
  const reader = await set.reader({ viewport: { width: 640, height: 400 }, deviceScaleFactor: 2, reducedMotion: 'reduce', forcedColors: 'active' });
  const shown = await Shown.open({ reader, publisher, sawt, poll, mode: 'script' });
  await shown.vote('no');
  const styles = await shown.$('.sawt-bar svg').first().evaluate((bar) => getComputedStyle(bar).transitionDuration);
  assert.equal(styles, '0s');
  const [fill, track] = await shown.$('.sawt-bar').first().evaluate((bar) => [
    getComputedStyle(bar.querySelector('svg')).fill,
    getComputedStyle(bar).backgroundColor,
  ]);
  assert.notEqual(fill, track, 'the bar can’t be told from its track');
  assert.ok(await shown.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  await picture(shown.page, 'forced-colours');
});

test('on paper the results are there, and nothing that can only be pressed', async () => {
  const { sawt, publisher } = set;
  const poll = await sawt.poll();
  const shown = await Shown.open({ reader: await set.reader(), publisher, sawt, poll, mode: 'script' });
  await shown.vote('yes');
  await shown.page.emulateMedia({ media: 'print' });
  assert.ok(await shown.$('.sawt-total').isVisible());
  assert.equal(await shown.$('button:visible').count(), 0);
});
