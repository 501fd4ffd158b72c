// A poll as it stands in a page, in whatever way it got there, and the ways a reader has with it.

import assert from 'node:assert/strict';

import { axe, picture } from './browser.mjs';

/** The ways a poll is met: those a publisher puts it into a page by, and its own page. */
export const MODES = ['script', 'element', 'iframe', 'wordpress', 'page'];

const FRAMED = new Set(['iframe', 'wordpress']);

/** One poll in one page. */
export class Shown {
  #scope;

  /** Opens a page with this poll, met in this way, and waits for its script, unless that does not come. */
  static async open({ reader, publisher, sawt, poll, mode, isAwaited = true, ...look }) {
    const { origin } = sawt;
    const query = look.theme ? `?theme=${look.theme}` : '';
    const url =
      mode === 'page'
        ? `${origin}/embed/${poll.id}${query}`
        : publisher.article(mode, { sawt: origin, poll, language: poll.language, ...look });
    const shown = Shown.in(await reader.open(url), mode);
    // Where the markup comes with the page, a reader may be faster than the script: links and buttons then do what they do
    // without it.
    if (isAwaited) await shown.$('form[action^="http"]').first().waitFor({ state: 'attached' });
    return shown;
  }

  /** The poll in a page that is open, or the one in that part of it. */
  static in(page, mode, part) {
    const shown = new Shown();
    shown.page = page;
    shown.mode = mode;
    const around = part ? page.locator(part) : page;
    shown.#scope = FRAMED.has(mode) ? around.frameLocator('iframe') : around;
    return shown;
  }

  /** Something in it. */
  $(selector) {
    return this.#scope.locator(selector);
  }

  /** The poll itself. */
  get root() {
    return this.$('.sawt');
  }

  /** The frame it lives in, or the page. */
  async frame() {
    return (await this.root.elementHandle()).ownerFrame();
  }

  /** Waits until it is in this state. */
  async is(state) {
    await this.$(`.sawt[data-state="${state}"]`).waitFor();
    return this;
  }

  /** Waits until its one live region says this. */
  async says(text) {
    await this.$('[role="status"]').filter({ hasText: text }).waitFor();
  }

  /** Chooses these options, and no others. */
  async choose(...options) {
    for (const option of options) await this.$(`input[name="choices"][value="${option}"]`).check();
  }

  /** Presses the button that sends the vote. */
  async press() {
    await this.$('button.sawt-vote').click();
  }

  /** Presses the button that sends a vote again, unless the poll has just done so by itself; waits for the answer. */
  async again() {
    const press = this.$('.sawt-retry').click().catch(() => {});
    await Promise.race([press, this.is('voted')]);
    await this.is('voted');
  }

  /** Votes as a reader does, and waits for the answer. */
  async vote(...options) {
    await this.is('open');
    await this.choose(...options);
    await this.press();
    await this.is('voted');
  }

  /** Waits until the total says this, and reads the rows: what each option is said to have. */
  async results(total) {
    await this.$('.sawt-total').filter({ hasText: total }).waitFor();
    return this.$('.sawt-results [data-option]').evaluateAll((rows) =>
      rows.map((row) => ({
        option: row.dataset.option,
        votes: row.querySelector('.sawt-votes').textContent,
        share: row.querySelector('.sawt-share').textContent,
      })),
    );
  }

  /** Where something stands, in the page's pixels. */
  async box(selector) {
    const box = await this.$(selector).first().boundingBox();
    assert.ok(box, `${selector} is not in sight`);
    return { ...box, left: box.x, right: box.x + box.width, bottom: box.y + box.height };
  }

  /** Which element has the focus, as a selector would name it. */
  async focused() {
    const frame = await this.frame();
    return frame.evaluate(() => {
      let element = document.activeElement;
      while (element.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
      const name = element.name === 'choices' ? `[value=${element.value}]` : `.${element.className}`;
      return element.localName + name;
    });
  }
}

/** Looks at a poll as it stands: pictures of it, and what axe-core has to say, in both themes. */
export async function look(shown, name) {
  for (const colorScheme of ['light', 'dark']) {
    await shown.page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    assert.deepEqual(await axe(shown.page), []);
    await picture(shown.page, `${name}-${colorScheme}`);
  }
}
