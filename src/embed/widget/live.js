// What happens to the polls of this document, by one stream for all of one service.

import { VOTER, voterIn } from './device.js';
import { ask, read } from './service.js';
import { SECOND, jitter } from './time.js';

export class Live {
  polls = new Set();
  #control;
  #retry = 2 * SECOND;

  static #of = {};

  static at(from) {
    return (this.#of[from] ??= new Live(from));
  }

  constructor(from) {
    this.from = from;
    document.addEventListener('visibilitychange', () => this.restart());
    addEventListener('online', () => this.restart());
  }

  add(poll) {
    this.polls.add(poll);
    this.restart();
  }

  remove(poll) {
    if (this.polls.delete(poll)) this.restart();
  }

  // Once per turn, however many polls came and went in it. A page that nobody sees hears nothing.
  restart() {
    this.#control?.abort();
    if (document.hidden || !this.polls.size) return;
    const control = (this.#control = new AbortController());
    setTimeout(() => control.signal.aborted || this.#follow(control.signal), 50);
  }

  async #follow(signal) {
    const sleep = (millis) => new Promise((done) => setTimeout(done, millis));
    for (let failures = 0; !signal.aborted; ) {
      // After three failures it asks for tallies, and tries the stream every so often.
      const isStreaming = failures < 3 || failures % 8 === 0;
      const heard = await (isStreaming ? this.#listen(signal) : this.#read(signal));
      if (isStreaming && heard) failures = 0;
      else failures += 1;
      if (signal.aborted) return;
      await sleep(jitter(failures > 2 ? 7 * SECOND : this.#retry * 2 ** failures));
    }
  }

  #query() {
    const ids = [...new Set([...this.polls].map((poll) => poll.id))];
    // Only who has voted sees some tallies; nobody else has to ask first whether they may show a token.
    const kept = [...this.polls].find((poll) => poll.needsToken)?.kept;
    return { ids: ids.slice(0, 50).join(), voter: kept && voterIn(kept), kept };
  }

  // Whether anything was heard before it ended.
  async #listen(signal) {
    const { ids, voter, kept } = this.#query();
    let heard = false;
    try {
      const headers = voter ? { authorization: `Voter ${voter}` } : {};
      const answer = await fetch(`${this.from}/v1/live?polls=${ids}`, { signal, headers, credentials: 'omit', cache: 'no-store' });
      if (!/^text\/event-stream/.test(answer.headers.get('content-type'))) {
        const { code } = await read(answer);
        if (code === 'voter-required') kept?.delete(VOTER);
        return code === 'not-found' && this.#read(signal);
      }
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let text = ''; ; ) {
        const { value, done } = await reader.read();
        if (done) return heard;
        const events = (text + value).replaceAll('\r', '').split('\n\n');
        text = events.pop();
        for (const event of events) {
          const { event: name, data, retry } = Object.fromEntries(event.split('\n').map((line) => line.split(/: ?(.*)/s)));
          if (retry > 0) this.#retry = Number(retry);
          if (data) this.#tell(name, JSON.parse(data));
          heard = true;
        }
      }
    } catch {
      return heard;
    }
  }

  async #read(signal) {
    const { ids, voter } = this.#query();
    const is = ({ results }) => Array.isArray(results);
    const { code, body } = await ask(this.from, `/v1/results?polls=${ids}`, { signal, voter, is });
    if (code || !body) return false;
    for (const result of body.results) {
      if (result.options) this.#tell('tally', result);
      else if (result.code === 'not-found') this.#tell('gone', result);
      else {
        const is = ({ id, options }) => id === result.poll && options;
        const { code, body } = await ask(this.from, `/v1/polls/${result.poll}`, { signal, is });
        if (body && !code) this.#tell('poll', body);
      }
    }
    return true;
  }

  #tell(name, data) {
    for (const poll of this.polls) if (poll.id === (data.poll ?? data.id)) poll.hear(name, data);
  }
}
