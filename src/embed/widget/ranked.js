// A poll whose options are ranked: who presses one gives it the next place, and takes it away by pressing again. Its place is
// moved by its buttons, by arrow keys, or by dragging it. What is ranked stands first.

import style from './ranked.css';
import { askOn } from './service.js';
import { wrongIn } from './ticks.js';
import { SECOND, jitter, sleep } from './time.js';

export { style };

// How far a pointer moves before that is no press any more, in CSS pixels.
const SLACK = 6;

// The main script brings `Poll`, so that this file holds nothing twice.
export const of = (Poll) =>
  class extends Poll {
    // The options in the poll's order, and those that are ranked in the reader's.
    #ids;
    #order = [];
    #isDragged;
    // Who wins, once that is known; `null` while it is asked for.
    #winner;

    constructor(root, options) {
      super(root, options);
      this.#ids = this.inputs.map(({ value }) => value);
      // The page of one that is closed says it.
      this.#winner = [...this.$$('.sawt-lead')].find(({ textContent }) => textContent)?.closest('li').dataset.option;
      const form = this.$('form');
      const idOf = (target) => target.closest('.sawt-option')?.querySelector('.sawt-pick').value;
      form.addEventListener('click', ({ target, detail }) => {
        const id = idOf(target);
        // A drop may bring a click, which is none. One by keys has no `detail`, and one by a pointer begins with `#drag`.
        if (!id || (detail && this.#isDragged)) return;
        if (target.closest('.sawt-up')) this.#move(id, -1);
        else if (target.closest('.sawt-down')) this.#move(id, 1);
        else if (target.closest('.sawt-pick')) this.#place(id, this.#order.includes(id) ? -1 : this.#order.length);
      });
      const hear = (event) => {
        const by = event.type === 'keydown' && { ArrowUp: -1, ArrowDown: 1 }[event.key];
        const id = by && idOf(event.composedPath()[0]);
        if (!id) return;
        event.preventDefault();
        this.#move(id, by);
      };
      form.addEventListener('keydown', hear);
      // In a publisher's page keys are kept from all listeners: see `keep` in element.js.
      for (const button of form.querySelectorAll('fieldset button')) button.hear = hear;
      form.addEventListener('pointerdown', (event) => this.#drag(event));
      this.#arrange();
    }

    get ticked() {
      return this.#order;
    }

    wrong() {
      return super.wrong() || wrongIn(this);
    }

    send(choices) {
      if (choices) this.#order = [...choices];
      this.#arrange();
      return super.send(choices);
    }

    change() {
      this.#order = [...this.choices];
      this.#arrange();
      super.change();
    }

    settle() {
      super.settle();
      const { ranked } = this.words;
      for (const [place, id] of (this.choices ?? []).entries())
        this.result(id).querySelector('.sawt-mine').textContent = ranked.rank.replace('{n}', this.number(place + 1));
      if (this.state === 'closed' && this.tally && !this.stopped) this.#runOff();
    }

    // As `rows` in page/rows.rs.
    draw(tally) {
      if (!this.draws(tally)) return;
      super.draw(tally);
      for (const { id, votes, borda } of tally.options) {
        const row = this.result(id);
        if (!row) continue;
        // A tally that is not exact has no points.
        const points = borda === undefined ? '' : ` · ${this.count('points', borda)}`;
        row.querySelector('.sawt-votes').textContent = this.count('votes', votes) + points;
        row.querySelector('.sawt-lead').textContent = id === this.#winner ? this.words.ranked.winner : '';
      }
      this.$('.sawt-total').textContent = this.count('voters', tally.ballots);
    }

    edited(poll) {
      this.#ids = poll.options.map(({ id }) => id).filter((id) => this.#pick(id));
      this.#order = this.#order.filter((id) => this.#ids.includes(id));
      this.#arrange();
    }

    reword({ label }, pick, result) {
      this.word(pick.querySelector('.sawt-name'), label);
      this.word(result.querySelector('.sawt-label'), label);
      this.#name(pick);
    }

    #pick(id) {
      return this.inputs.find(({ value }) => value === id);
    }

    // The buttons beside an option are called by it.
    #name(pick) {
      const { up, down } = this.words.ranked;
      const label = pick.querySelector('.sawt-name').textContent;
      for (const [selector, text] of [['.sawt-up', up], ['.sawt-down', down]])
        pick.parentElement.querySelector(selector).setAttribute('aria-label', text.replace('{option}', () => label));
    }

    #move(id, by) {
      const place = this.#order.indexOf(id);
      const to = place + by;
      if (place < 0 || to < 0 || to >= this.#order.length) return;
      this.#place(id, to);
    }

    // Gives an option a place, or takes it away, and says so.
    #place(id, place) {
      const others = this.#order.filter((other) => other !== id);
      if (place >= 0 && others.length >= this.root.dataset.max) {
        this.#arrange();
        this.say(this.words.ranked.full);
        return;
      }
      if (place >= 0) others.splice(place, 0, id);
      this.#order = others;
      this.#arrange();
      const { placed, unplaced } = this.words.ranked;
      const label = this.#pick(id).querySelector('.sawt-name').textContent;
      this.say((place < 0 ? unplaced : placed).replace('{n}', this.number(place + 1)).replace('{option}', () => label));
    }

    // Puts the options into the order they have now. What is moved would lose the focus.
    #arrange() {
      const { activeElement } = this.root.getRootNode();
      const rows = [...this.#order, ...this.#ids.filter((id) => !this.#order.includes(id))].map((id) => this.#pick(id).parentElement);
      const set = this.$('fieldset');
      if (rows.some((row, place) => row !== this.inputs[place].parentElement)) set.append(...rows);
      for (const [place, row] of rows.entries()) {
        const isRanked = place < this.#order.length;
        const pick = row.querySelector('.sawt-pick');
        pick.setAttribute('aria-pressed', isRanked);
        row.querySelector('.sawt-place').textContent = isRanked ? this.number(place + 1) : '';
        row.querySelector('.sawt-up').setAttribute('aria-disabled', place === 0);
        row.querySelector('.sawt-down').setAttribute('aria-disabled', place === this.#order.length - 1);
      }
      if (activeElement !== this.root.getRootNode().activeElement) activeElement?.focus({ preventScroll: true });
    }

    // By mouse from anywhere in it; by touch from its grip alone, for elsewhere a finger scrolls the page.
    #drag({ target, pointerId, pointerType, button, clientY: start }) {
      this.#isDragged = false;
      const row = target.closest('.sawt-option');
      const isHandle = pointerType === 'mouse' ? !target.closest('.sawt-up, .sawt-down') : target.closest('.sawt-grip');
      if (!row || !isHandle || button || this.$('fieldset').disabled) return;
      const control = new AbortController();
      const on = (name, act) => row.addEventListener(name, act, { signal: control.signal });
      const top = () => row.getBoundingClientRect().top;
      const within = start - top();
      // Among the others, by their middles.
      const others = () => this.inputs.map(({ parentElement }) => parentElement).filter((other) => other !== row);
      on('pointermove', ({ clientY }) => {
        if (!this.#isDragged && Math.abs(clientY - start) < SLACK) return;
        if (!this.#isDragged) row.setPointerCapture(pointerId);
        this.#isDragged = true;
        row.dataset.dragged = '';
        // The others make room; what is dragged stays where it is in the tree, or the pointer would be lost.
        const rest = others();
        const isAbove = (other) => {
          const { top: edge, height } = other.getBoundingClientRect();
          return edge + height / 2 < clientY;
        };
        const before = rest.filter(isAbove);
        if (before.length !== this.inputs.findIndex(({ parentElement }) => parentElement === row)) {
          row.before(...before);
          row.after(...rest.slice(before.length));
        }
        row.style.translate = '';
        row.style.translate = `0 ${clientY - within - top()}px`;
      });
      const end = (isDropped) => {
        control.abort();
        delete row.dataset.dragged;
        row.style.translate = '';
        if (!this.#isDragged) return;
        const id = row.querySelector('.sawt-pick').value;
        const place = this.inputs.findIndex(({ value }) => value === id);
        const ranked = this.#order.filter((other) => other !== id).length;
        if (isDropped) this.#place(id, place <= ranked ? place : -1);
        else this.#arrange();
      };
      on('pointerup', () => end(true));
      on('pointercancel', () => end(false));
    }

    // Who wins in the end is not in the tally. It is asked for once, for it never changes; and not at the moment of the close,
    // when everybody would ask at once.
    async #runOff() {
      if (this.#winner !== undefined) return;
      this.#winner = null;
      await sleep(jitter(5 * SECOND));
      const is = ({ poll, state }) => poll === this.id && state === 'closed';
      const { code, body } = await askOn(this.from, this.at('/results/runoff'), { is }, () => !this.stopped);
      if (code || !body) return;
      this.#winner = body.winner;
      const row = this.#winner && this.result(this.#winner);
      if (row) row.querySelector('.sawt-lead').textContent = this.words.ranked.winner;
    }
  };
