// A poll's markup, and what is written into it: texts, widths, and data-state.

import { SECOND, now } from './time.js';

export class PollView {
  drawnAt = -SECOND;
  // What a ballot is called in the total.
  counted = 'votes';
  #epoch = 0;
  #version = -1;

  constructor(root) {
    this.root = root;
    const { dataset } = root;
    this.digits = dataset.digits;
    this.words = JSON.parse(dataset.words);
    this.lang = root.lang;
    this.plurals = new Intl.PluralRules(this.lang);
  }

  $(selector) {
    return this.root.querySelector(selector);
  }

  $$(selector) {
    return this.root.querySelectorAll(selector);
  }

  get inputs() {
    return [...this.$$('[name=choices]')];
  }

  get ticked() {
    return this.inputs.filter((input) => input.checked).map((input) => input.value);
  }

  get policy() {
    return this.root.dataset.results;
  }

  // A text runs as the poll does if it has a letter that does, as `direction_in` in language.rs.
  word(element, text) {
    const { dir } = this.root;
    write(element, text);
    element.dir = (dir === 'rtl' ? /[\u0590-\u08ff]/ : /[a-z]/i).test(text) ? dir : 'auto';
  }

  result(id) {
    return this.$(`[data-option="${CSS.escape(id)}"]`);
  }

  // A cache may tell what it has kept, and a replica what it has not heard yet. But in a later epoch a lower version is
  // newer: the service has lost votes that it had told.
  isOlder({ epoch = 0, version }) {
    return (epoch - this.#epoch || version - this.#version) < 0;
  }

  // The share of each option of a single choice, in tenths of a percent: they add up. Each is rounded down, and what is
  // missing goes to those that lost most by it, the first of equals first. The server's `Tally::parts`, in whole numbers.
  shares({ ballots, options }) {
    const lost = options.map(({ votes }) => (votes * 1000) % ballots || 0);
    const missing = Math.round(lost.reduce((sum, one) => sum + one, 0) / ballots) || 0;
    const most = [...lost.keys()].sort((a, b) => lost[b] - lost[a]).slice(0, missing);
    return options.map(({ votes }, place) => ((votes * 1000 - lost[place]) / ballots || 0) + most.includes(place));
  }

  // Whether a tally is drawn. One in percent waits for the file that shows it.
  draws(tally) {
    return tally?.options[0].votes >= 0 && !this.isOlder(tally);
  }

  draw(tally) {
    if (!this.draws(tally)) return;
    this.drawnAt = now();
    this.#epoch = tally.epoch ?? 0;
    this.#version = tally.version;
    this.tally = tally;
    const { ballots } = tally;
    const shares = this.shares(tally);
    // Who leads in the end: all of equals, and nobody where none voted.
    const most = tally.state === 'closed' && Math.max(1, ...tally.options.map(({ votes }) => votes));
    for (const [place, { id, votes }] of tally.options.entries()) {
      const row = this.result(id);
      const bar = row?.querySelector('svg');
      if (!bar) continue;
      const share = shares[place];
      write(row.querySelector('.sawt-votes'), this.count('votes', votes));
      write(row.querySelector('.sawt-lead'), votes === most ? this.words.texts.most_votes : '');
      write(row.querySelector('.sawt-share'), this.percent(share));
      bar.setAttribute('width', `${Math.floor(share / 10)}.${share % 10}%`);
    }
    write(this.$('.sawt-total'), this.count(this.counted, ballots));
  }

  // Whether a vote is taken where this is shown.
  takes(shown) {
    return shown === 'open';
  }

  // Turns what is known into the state that is shown.
  settle() {
    const { root, state, tally } = this;
    const mine = this.choices && !this.changing;
    let shown = state;
    if (state === 'closed') shown = tally ? 'closed' : 'hidden';
    else if (state === 'open' && mine) shown = tally ? 'voted' : 'hidden';
    if (this.busy) return;
    if (shown !== 'open') root.removeAttribute('data-peek');
    root.dataset.state = shown;
    fieldset(root).disabled = this.$('.sawt-vote').disabled = !this.takes(shown);
    this.$('.sawt-vote').removeAttribute('aria-disabled');
    this.$('.sawt-retry').hidden = true;
    this.$('.sawt-vote').hidden = false;
    for (const row of this.$$('[data-option]')) row.toggleAttribute('data-chosen', !!this.choices?.includes(row.dataset.option));
    const canChange = state !== 'open' || !mine || !('changeable' in root.dataset);
    this.$('.sawt-change').hidden = this.$('.sawt-withdraw').hidden = canChange;
    this.note(shown);
  }

  // A ballot is on its way, or waits to be. The button stays one, or the focus would be lost with it.
  show(state, said) {
    const { root } = this;
    const hasFocus = root.contains(root.getRootNode().activeElement);
    this.changing = false;
    if (state !== 'sending') root.dataset.state = state;
    root.removeAttribute('data-peek');
    fieldset(root).disabled = true;
    this.$('.sawt-vote').setAttribute('aria-disabled', 'true');
    // From the first wait on, there is a way to end it.
    this.isLate ||= state !== 'sending';
    const retry = this.$('.sawt-retry');
    retry.hidden = !this.isLate;
    this.$('.sawt-vote').hidden = this.isLate;
    if (hasFocus) (retry.hidden ? this.$('.sawt-vote') : retry).focus({ preventScroll: true });
    if (state !== 'sending' || !this.$('.sawt-status').textContent) this.say(said);
    if (state === 'sending') this.$('.sawt-wait').textContent = '';
  }

  // In the one region that is read out; what is said already is not said again.
  say(text) {
    write(this.$('.sawt-status'), text);
  }

  // As `note` in page/said.rs.
  note(shown) {
    const { texts } = this.words;
    const { opens, closes } = this.root.dataset;
    const ending = closes && [texts.closes, closes];
    // One that was closed by hand may not have been told when.
    const ended = Date.parse(closes) <= Date.now() ? [texts.ended_at, closes] : [texts.ended];
    let parts = [];
    if (shown === 'scheduled') parts = [opens ? [texts.opens, opens] : [texts.not_open]];
    else if (shown === 'closed') parts = [ended, [texts.last]];
    else if (shown === 'hidden' && this.state === 'closed') parts = [ended, [texts.hidden_never]];
    else if (shown !== 'gone') {
      const why = this.policy === 'after_vote' && shown !== 'open' ? undefined : texts[`hidden_${this.policy}`];
      parts = [why && [why], ending];
    }
    const nodes = parts.filter(Boolean).map(([text, time]) => {
      const [before, after] = text.split('{time}');
      return time ? [before, this.time(time), after ?? ''] : [before];
    });
    this.$('.sawt-note').replaceChildren(...nodes.flatMap((part, place) => (place ? [' ', ...part] : part)));
  }

  time(exact) {
    const time = document.createElement('time');
    time.dateTime = exact;
    const locale = `${this.lang}-u-ca-gregory-nu-${this.digits}`;
    time.textContent = new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeStyle: 'short' }).format(new Date(exact));
    return time;
  }

  number(number) {
    const grouped = String(number).replace(/\B(?=(\d{3})+$)/g, this.words.numbers.group);
    return this.digits === 'arab' ? grouped.replace(/\d/g, (digit) => '٠١٢٣٤٥٦٧٨٩'[digit]) : grouped;
  }

  percent(tenths) {
    return this.words.numbers.percent.replace('{n}', this.tenths(tenths));
  }

  tenths(tenths) {
    const rest = tenths % 10 ? this.words.numbers.decimal + this.number(tenths % 10) : '';
    return this.number(Math.floor(tenths / 10)) + rest;
  }

  count(of, number) {
    const forms = this.words.plurals[of];
    const form = (number === 0 && forms.zero) || (forms[this.plurals.select(number)] ?? forms.other);
    return form.replace('{n}', this.number(number));
  }
}

export const fieldset = (root) => root.querySelector('fieldset');

const write = (element, text) => {
  if (element.textContent !== text) element.textContent = text;
};
