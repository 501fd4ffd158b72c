// One poll.

import { MOST_POLLS, NONCE, VOTER, namedIn, pollsIn, voterIn } from './device.js';
import { bring } from './kinds.js';
import { Live } from './live.js';
import { ask, askOn, isFinal } from './service.js';
import { seen, view } from './sight.js';
import { DAY, SECOND, now, pause, sleep } from './time.js';
import { PollView, fieldset } from './view.js';

// How long a reader sees a vote on its way before they are offered to send it again.
const LATE = 4 * SECOND;

export class Poll extends PollView {
  #next;
  #told;
  #wake = () => {};
  #isHurried;

  constructor(root, { from, kept }) {
    super(root);
    Object.assign(this, { from, kept });
    const { dataset } = root;
    root.style.cssText = dataset.look ?? '';
    this.id = dataset.poll;
    // What the poll is now. A page that shows a tally leaves the rest to the first event.
    this.state = dataset.state === 'scheduled' ? 'scheduled' : fieldset(root).disabled ? 'closed' : 'open';
    this.tally = this.$('.sawt-total').textContent ? {} : undefined;

    // The page's own addresses, wherever its markup stands now.
    for (const link of this.$$('a')) link.href = new URL(link.getAttribute('href'), from);
    this.$('form').action = new URL(this.$('form').getAttribute('action'), from);

    const onClick = (selector, act) =>
      this.$(selector).addEventListener('click', (event) => {
        event.preventDefault();
        act();
      });
    // Not the form's own event: a sandboxed frame may send no forms, and then has none. Enter in a field clicks, too.
    onClick('.sawt-vote', () => this.submit());
    onClick('.sawt-peek', () => this.peek(true));
    onClick('.sawt-back', () => this.peek(false));
    onClick('.sawt-retry', () => this.#wake());
    onClick('.sawt-change', () => this.change());
    onClick('.sawt-withdraw', () => this.send());
    addEventListener('online', () => this.#wake());
  }

  // Finds out what this reader did before, and follows the poll from here on. Ends when their ballot is here, if they have one.
  start() {
    const { choices, at } = JSON.parse(this.kept.get(this.pendingName) ?? '{}');
    const isKnown = pollsIn(this.kept).includes(this.id);
    this.settle();
    this.follow();
    if (choices && this.state === 'open' && Date.now() - at < DAY) {
      for (const input of this.inputs) input.checked = choices.includes(input.value);
      this.send(choices);
      return;
    }
    if (choices && this.state !== 'scheduled') this.keep();
    if (isKnown) return this.#recall();
  }

  // Asks for this reader's ballot until that is known, or they vote.
  async #recall() {
    const isWanted = () => !this.stopped && !this.busy && !this.choices;
    const options = { method: 'POST', body: `{"voter":${await namedIn(this.kept)}}`, is: (body) => this.#isReceipt(body) };
    const { code, body } = await askOn(this.from, this.at('/votes/mine'), options, isWanted);
    if (code || !body || !isWanted()) return;
    this.choices = body.choices;
    this.judge?.(body);
    await this.fetchTally();
    this.settle();
    if (this.state === 'closed') (await bring('receipt'))?.show(this, options.body);
  }

  // From when it is seen. A closed poll has nothing more to tell.
  async follow() {
    await seen(this.root);
    if (this.stopped) return;
    view(this.from, `{"poll":"${this.id}"}`);
    if (this.state === 'open' || this.state === 'scheduled') Live.at(this.from).add(this);
  }

  stop() {
    this.stopped = true;
    this.#wake();
    Live.at(this.from).remove(this);
  }

  get needsToken() {
    return this.policy === 'after_vote' && this.choices && this.state === 'open';
  }

  at(path) {
    return `/v1/polls/${this.id}${path}`;
  }

  submit() {
    const wrong = this.wrong();
    if (wrong) this.say(wrong);
    else this.send(this.ticked);
  }

  // What to say of a choice that can't be sent.
  wrong() {
    return this.ticked.length ? '' : this.words.texts.choose_first;
  }

  // Sends a ballot, or without choices its withdrawal, until it is answered: the same one by the same voter, so that one
  // whose answer was lost is counted once.
  async send(choices) {
    if (this.busy) return;
    const { texts } = this.words;
    // The browser would not tell a page that may not vote from one without a connection.
    const { origins } = this.root.dataset;
    const here = globalThis.origin;
    const isHere = (listed) => {
      const [start, host] = listed.split('*');
      return host ? here.startsWith(start) && here.endsWith(host) : here === listed;
    };
    if (origins && ![...origins.split(' '), new URL(this.from).origin, 'null'].some(isHere)) {
      this.refuse();
      return;
    }
    this.busy = true;
    if (choices) this.keep(choices);
    this.isLate = false;
    let answer = {};
    for (let tries = 0, isReplaced = false; !this.stopped; tries += 1) {
      this.show('sending', texts.sending);
      answer = await this.#once(choices);
      const { code, voter, wait } = answer;
      if (code === 'voter-required' && !isReplaced) {
        isReplaced = true;
        // Unless another page of this device has replaced it already.
        if (voterIn(this.kept) === voter) this.kept.delete(VOTER);
        continue;
      }
      // A replica of a version before knows no marks.
      if (code === 'invalid-request' && this.mark) {
        this.mark = '';
        continue;
      }
      if (isFinal(answer)) break;
      if (this.#isHurried) continue;
      if (code === 'quota-exceeded') {
        this.show('quota', `${texts.quota} ${texts.kept}`);
        await this.wait(wait * SECOND + Math.random() * SECOND, true);
      } else {
        this.show('offline', texts.offline);
        await this.wait(pause(tries, code && wait));
      }
    }
    this.busy = false;
    if (this.stopped) return;
    this.keep();
    this.$('.sawt-wait').textContent = '';
    await this.#answered(answer, !choices);
  }

  // Sends it once, until there is an answer, it takes too long, or the reader wants it sent again.
  async #once(choices) {
    const control = new AbortController();
    this.#isHurried = false;
    this.#wake = () => {
      this.#isHurried = true;
      control.abort();
    };
    const late = setTimeout(() => {
      this.isLate = true;
      this.show('sending', this.words.texts.sending);
    }, LATE);
    try {
      const { signal } = control;
      const named = await namedIn(this.kept);
      const voter = voterIn(this.kept);
      const post = (path, body, is) => ask(this.from, this.at(path), { method: 'POST', body, is, signal });
      const isReceipt = (body) => this.#isReceipt(body);
      if (choices) {
        // A nonce is answered with a token.
        const isKeepable = (body) => isReceipt(body) && (voter || /^[\w-]{40,}$/.test(body.voter));
        const body = json(choices, `,"voter":${named + (await this.beside(named))}`);
        const answer = await post('/votes', body, isKeepable);
        if (!voter && answer.body?.voter) this.#keep(answer.body.voter);
        return { voter, ...answer };
      }
      const whose = `{"voter":${named}}`;
      const withdrawn = await post('/votes/withdraw', whose);
      if (withdrawn.status !== 204) return { voter, ...withdrawn };
      // Anybody may say 204. That there is no ballot any more, the service alone.
      const ballot = await post('/votes/mine', whose, isReceipt);
      if (ballot.code === 'not-found') return { voter, status: 204, body: {} };
      return { voter, ...ballot, body: ballot.code && ballot.body };
    } finally {
      clearTimeout(late);
      this.#wake = () => {};
    }
  }

  // Another tab may have done so meanwhile, for the same nonce.
  #keep(token) {
    if (!voterIn(this.kept)) this.kept.set(VOTER, token);
    this.kept.delete(NONCE);
  }

  #isReceipt({ poll, choices }) {
    return poll === this.id && Array.isArray(choices);
  }

  // What became of it.
  async #answered({ code, body }, isWithdrawal) {
    const { texts } = this.words;
    const before = this.choices;
    let said = texts.failed;
    if (!code && isWithdrawal) {
      this.choices = undefined;
      said = texts.withdrawn;
      if (this.policy !== 'always') this.tally = undefined;
    } else if (!code) {
      this.choices = body.choices;
      said = before && `${before}` !== `${body.choices}` ? texts.changed : texts.counted;
      if (body.results) this.draw(body.results);
    } else if (code === 'already-voted') {
      this.choices = body.choices;
      said = texts.already_voted;
      await this.fetchTally();
    } else if (code === 'poll-not-open') {
      this.state = body.state;
      said = '';
      await this.fetchTally();
    } else if (code === 'not-found') this.state = 'gone';
    if (this.choices) {
      this.judge?.(body);
      const polls = [...new Set([this.id, ...pollsIn(this.kept)])].slice(0, MOST_POLLS);
      this.kept.set(VOTER, [voterIn(this.kept), ...polls].join(' '));
    }
    this.settle();
    this.say(this.state === 'gone' ? texts.gone : said);
    if (code === 'origin-refused') this.refuse();
    if (!code || this.choices) this.focusAnswer();
    // The same poll may stand in a page twice.
    for (const twin of Live.at(this.from).polls) {
      if (twin === this || twin.id !== this.id) continue;
      twin.choices = this.choices;
      twin.judge?.(body);
      if (body.results) twin.draw(body.results);
      twin.settle();
    }
    // Who has voted may see more from now on, or from now on no more.
    if (this.policy === 'after_vote' && code !== 'already-voted') Live.at(this.from).restart();
  }

  focusAnswer() {
    (this.choices ? this.$('.sawt-results') : this.inputs[0]).focus({ preventScroll: true });
  }

  get pendingName() {
    return `sawt.pending.${this.id}`;
  }

  // Keeps a ballot, to be sent at the next visit if its reader leaves before there is an answer; or none.
  keep(choices) {
    if (choices) this.kept.set(this.pendingName, json(choices, `,"at":${Date.now()}`));
    else this.kept.delete(this.pendingName);
  }

  // What goes beside a ballot: what shows that its reader had the poll before them. The first one: a newer one may be too young.
  beside() {
    return this.mark ?? '';
  }

  // Waits so long, or until the reader or the network calls. Counts down where the wait is one to know.
  wait(millis, isCounted) {
    const until = now() + millis;
    return new Promise((done) => {
      const tick = () => {
        const left = Math.ceil((until - now()) / SECOND);
        if (left <= 0) this.#wake();
        else if (isCounted) this.$('.sawt-wait').textContent = this.count('wait', left);
      };
      const timer = setInterval(tick, isCounted ? SECOND : millis);
      this.#wake = () => {
        clearInterval(timer);
        this.#wake = () => {};
        done();
      };
      tick();
    });
  }

  change() {
    this.changing = true;
    for (const input of this.inputs) input.checked = this.choices.includes(input.value);
    this.settle();
    this.say('');
    (this.inputs.find((input) => input.checked) ?? this.inputs[0]).focus({ preventScroll: true });
  }

  peek(isPeeking) {
    this.root.toggleAttribute('data-peek', isPeeking);
    if (isPeeking) this.$('.sawt-results').focus({ preventScroll: true });
    else this.inputs[0].focus({ preventScroll: true });
  }

  // Not from this page; from the poll's own.
  refuse() {
    this.say(this.words.texts.refused);
    bring('edit').then(({ refused }) => refused(this));
  }

  hear(name, data) {
    // There may be no tally to come.
    if (name !== 'mark') this.#told?.();
    if (name === 'gone') {
      this.state = 'gone';
      this.settle();
      this.say(this.words.texts.gone);
      Live.at(this.from).remove(this);
    } else if (name === 'tally') {
      if (this.isOlder(data) || (this.state === 'closed' && data.state !== 'closed')) return;
      const wasHidden = !this.tally;
      this.tally = data;
      this.#later(data);
      if (data.state !== this.state || wasHidden) this.become(data.state);
      if (data.state === 'closed') Live.at(this.from).remove(this);
    } else if (name === 'mark') this.mark ??= `,"mark":"${data.mark}"`;
    else {
      const ahead = data.revision - this.root.dataset.revision;
      if (ahead < 0 || (!ahead && data.state === this.state)) return;
      if (ahead) bring('edit').then(({ edit }) => this.stopped || (edit(this, data), this.settle()));
      this.become(data.state);
      if (data.state === 'closed' && data.results === 'never') Live.at(this.from).remove(this);
    }
  }

  // Nothing is asked when a poll closes: everybody would ask at once. The stream brings the last tally.
  become(state) {
    this.state = state;
    // What was said of a vote makes room for how it ended.
    if (state === 'closed') this.say('');
    this.settle();
  }

  // The tally, if it is not here and this reader may see it. It is asked for until it comes, but not long waited for.
  fetchTally() {
    return Promise.race([this.#fetchTally(), sleep(3 * SECOND)]);
  }

  async #fetchTally() {
    const { policy } = this;
    if (this.tally) return;
    // What a voter alone sees comes by the stream, which begins anew for them.
    if (this.needsToken) {
      Live.at(this.from).restart();
      await new Promise((told) => (this.#told = told));
    }
    if (policy !== 'always' && (policy === 'never' || this.state !== 'closed')) return;
    const is = ({ poll, options }) => poll === this.id && Array.isArray(options);
    const { code, body } = await askOn(this.from, this.at('/results'), { is }, () => !this.stopped && !this.tally);
    if (code || !body) return;
    this.state = this.state === 'closed' ? 'closed' : body.state;
    this.draw(body);
    this.settle();
  }

  // At most once a second, when the browser draws anyway.
  #later(tally) {
    const isWaiting = this.#next;
    this.#next = tally;
    if (isWaiting) return;
    setTimeout(() => requestAnimationFrame(() => {
      this.draw(this.#next);
      this.#next = undefined;
    }), this.drawnAt + SECOND - now());
  }
}

// By hand: whatever the page has taught arrays and objects (an old Array.prototype.toJSON) stays out of it.
// Beside choices may stand what they say in the reader's own words, as JSON.
const json = (choices, more) => `{"choices":[${choices.map((choice) => JSON.stringify(choice))}]${choices.said ?? ''}${more}}`;
