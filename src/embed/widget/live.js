// What happens to polls, by one stream for all pages and frames of an origin in this browser.
//
// Over HTTP/1.1 a browser opens six connections to a service, so six streams would leave none for a vote. So one document
// leads: it holds the stream, for the polls of all, and passes on what it hears (BroadcastChannel). Leading is a Web Lock:
// if its holder goes, or nobody sees it any more, the next in the queue has it at once; and it is taken from one that has
// fallen silent. Frames of another site may be denied locks; there, who hears of no leader leads, and of two the one with
// the lower number. A frame that can share nothing (WordPress's have no origin) takes the beginning of a stream, ends it,
// and reads tallies from then on.

import { VOTER, device, memory, voterIn } from './device.js';
import { bring } from './kinds.js';
import { PATIENCE, as, ask, read } from './service.js';
import { SECOND, jitter, sleep } from './time.js';

// A stream says something every 15 seconds, if only that it is there.
const SILENCE = 37.5 * SECOND;
const READ_EVERY = 10 * SECOND;
// How many polls the service takes in one request. More than that are read.
const MOST_AT_ONCE = 50;

// This document, among those that share.
const ME = Math.random();

export class Live {
  polls = new Set();
  // What the documents want, by document; the last that was heard of each poll; and what the stream was opened for.
  #wanted = new Map();
  #heard = new Map();
  #opened;
  // How far the tally of each poll had come when it was last told, as the service signed it.
  #seen = {};
  #retry = 2 * SECOND;
  #isLeading;
  #isAlone = globalThis.origin === 'null' || !globalThis.BroadcastChannel;
  #hasLocks = !!navigator.locks;
  // The document's part in this, from when it is seen until it is not; and one stream or reading.
  #part;
  #turn;
  #isStale;
  #channel;
  #soon;
  #watch;

  static #of = {};

  static at(from) {
    return (this.#of[from] ??= new Live(from));
  }

  constructor(from) {
    this.from = from;
    this.name = `sawt.live ${from}`;
    document.addEventListener('visibilitychange', () => this.restart());
    addEventListener('pagehide', () => this.#leave());
    addEventListener('online', () => this.restart());
  }

  add(poll) {
    this.polls.add(poll);
    this.#later();
  }

  remove(poll) {
    if (this.polls.delete(poll)) this.#later();
  }

  // What there is to see may have changed, so the stream begins anew. A page that nobody sees hears nothing.
  restart() {
    if (document.hidden) this.#leave();
    else this.#later(true);
  }

  // Once per turn, however many polls came and went in it.
  #later(isAnew) {
    if (isAnew) this.#opened = undefined;
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined;
      this.#begin(isAnew);
    }, 50);
  }

  #begin(isAnew) {
    if (document.hidden || !this.polls.size) {
      this.#leave();
      return;
    }
    const want = { of: ME, ids: [...this.polls].map((poll) => poll.id), voter: this.#voter(), isAnew };
    this.#wanted.set(ME, want);
    if (!this.#part) this.#join();
    this.#post({ want });
    this.#heed(want);
  }

  // Only who has voted sees some tallies; nobody else shows a token.
  #voter() {
    const kept = [...this.polls].find((poll) => poll.needsToken)?.kept;
    // One that is this document's alone is shared with no other.
    if (kept === memory && !this.#isAlone) {
      this.#leave();
      this.#isAlone = true;
    }
    return kept && voterIn(kept);
  }

  #join() {
    const part = (this.#part = new AbortController());
    if (this.#isAlone) {
      // One stream a page; frames may be many.
      if (parent === window) this.#lead(part);
      else this.#sample(part);
      return;
    }
    this.#channel = new BroadcastChannel(this.name);
    this.#channel.onmessage = ({ data }) => part === this.#part && this.#hear(data);
    if (this.#hasLocks) this.#queue(part, { signal: part.signal });
    this.#expect(this.#hasLocks ? SILENCE : SECOND / 4);
  }

  // Leads, if nobody else says for so long that they do.
  #expect(millis) {
    clearTimeout(this.#watch);
    const part = this.#part;
    this.#watch = setTimeout(() => {
      if (part.signal.aborted || this.#isLeading) return;
      if (this.#hasLocks) this.#queue(part, { steal: true });
      else this.#lead(part);
    }, millis + jitter(millis / 4));
  }

  async #queue(part, options) {
    try {
      await navigator.locks.request(this.name, options, () => part.signal.aborted || this.#lead(part));
    } catch (error) {
      if (part.signal.aborted) return;
      // It was taken from here; or this document may have no locks at all.
      this.#hasLocks = error.name === 'AbortError';
      this.#leave();
      this.#later();
    }
  }

  #leave() {
    this.#post({ want: { of: ME, ids: [] } });
    if (this.#isLeading) this.#say({ isOver: true });
    this.#part?.abort();
    this.#turn?.abort();
    this.#channel?.close();
    this.#part = this.#channel = this.#opened = undefined;
    this.#isLeading = false;
    this.#wanted.clear();
    this.#heard.clear();
  }

  #post(message) {
    this.#channel?.postMessage(message);
  }

  // As the one that leads.
  #say(message) {
    this.#post({ lead: ME, ...message });
  }

  // What another document says.
  #hear({ want, lead, event, data, isNew, isOver }) {
    if (want) {
      if (want.ids.length) this.#wanted.set(want.of, want);
      else this.#wanted.delete(want.of);
      this.#heed(want);
      return;
    }
    if (this.#isLeading && !this.#hasLocks) {
      if (lead > ME) {
        this.#say({});
        return;
      }
      this.#isLeading = false;
      this.#turn?.abort();
    }
    this.#expect(isOver && !this.#hasLocks ? SECOND / 10 : SILENCE);
    if (isNew) this.#post({ want: this.#wanted.get(ME) });
    if (event) this.#tell(event, data);
  }

  // The one that leads opens another stream for what this one does not bring, and says again what it brought already.
  #heed({ ids, isAnew }) {
    if (!this.#isLeading) return;
    this.#say({});
    const { opened } = this.#asked();
    if (isAnew || !this.#opened || opened.some((part) => !this.#opened.includes(part))) {
      if (isAnew) {
        this.#heard.clear();
        this.#opened = undefined;
      }
      this.#isStale = true;
      this.#turn?.abort();
      return;
    }
    for (const id of ids) for (const [event, data] of Object.entries(this.#heard.get(id) ?? {})) this.#pass(event, data);
  }

  // All that is wanted, and a voter to ask for it.
  #asked() {
    const wanted = [...this.#wanted.values()];
    const ids = [...new Set(wanted.flatMap(({ ids }) => ids))];
    const voter = wanted.find(({ voter }) => voter)?.voter;
    return { ids, voter, opened: [...ids, voter] };
  }

  async #lead({ signal }) {
    this.#isLeading = true;
    this.#say({ isNew: true });
    await sleep(50);
    for (let failures = 0; !signal.aborted && this.#isLeading; ) {
      const turn = (this.#turn = new AbortController());
      const { ids, voter, opened } = this.#asked();
      this.#opened = opened;
      this.#isStale = false;
      this.#say({});
      // After three failures it asks for tallies, and tries the stream every so often.
      const isStreaming = failures < 3 || failures % 8 === 0;
      if (isStreaming && ids.length > MOST_AT_ONCE) this.#readOn(turn.signal, MOST_AT_ONCE);
      const heard = await (isStreaming ? this.#listen(ids.slice(0, MOST_AT_ONCE), voter, turn) : this.#read(ids, voter, turn.signal));
      turn.abort();
      if (this.#isStale) {
        // Polls seldom come alone: those that come within so long share a stream. What its reader may see from now on waits
        // for no others.
        if (this.#opened) await sleep(200);
      } else {
        failures = isStreaming && heard ? 0 : failures + 1;
        if (!signal.aborted) await sleep(jitter(failures > 2 ? READ_EVERY : this.#retry * 2 ** failures));
      }
    }
  }

  // For a frame that shares nothing: it holds no connection. Tallies say nothing of an edit; a stream begins with it.
  async #sample({ signal }) {
    for (let turn = 0; !signal.aborted; turn += 1) {
      const { ids, voter } = this.#asked();
      if (turn % 2) await this.#read(ids, voter, signal);
      else await this.#listen(ids.slice(0, MOST_AT_ONCE), voter, (this.#turn = new AbortController()), true);
      await sleep(jitter(READ_EVERY));
    }
  }

  // Whether anything was heard before it ended.
  async #listen(ids, voter, turn, isOnce) {
    const left = new Set(ids);
    // By this a service that lost votes, and was started again, learns of it.
    const seen = ids.map((id) => this.#seen[id] ?? '-');
    let heard = false;
    let silence;
    const within = (millis) => {
      clearTimeout(silence);
      silence = setTimeout(() => turn.abort(), millis);
    };
    within(PATIENCE);
    try {
      const { signal } = turn;
      const answer = await fetch(`${this.from}/v1/live?polls=${ids}&seen=${seen}&mark=true`, { ...as(voter), signal, credentials: 'omit', cache: 'no-store' });
      if (!/^text\/event-stream/.test(answer.headers.get('content-type'))) {
        const { code } = await read(answer);
        if (code === 'voter-required') for (const kept of [device, memory]) if (voterIn(kept) === voter) kept.delete(VOTER);
        return code === 'not-found' && (await this.#read(ids, voter, signal));
      }
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let text = ''; !isOnce || left.size; ) {
        within(SILENCE);
        const { value, done } = await reader.read();
        if (done) break;
        this.#say({});
        heard = true;
        text = (text + value).replaceAll('\r', '');
        // It may be the last line of all, and no event's.
        this.#retry = Number(/^retry:\x20?(\d+)\n/m.exec(text)?.[1]) || this.#retry;
        const events = text.split('\n\n');
        text = events.pop();
        for (const event of events) {
          const { event: name, id, data } = Object.fromEntries(event.split('\n').map((line) => line.split(/:\x20?(.*)/s)));
          id?.split(',').forEach((seen, place) => seen === '-' || (this.#seen[ids[place]] = seen));
          if (data) left.delete(this.#pass(name, JSON.parse(data)));
        }
      }
    } catch {
      // It was cut, or fell silent, or nobody wants it any more.
    } finally {
      clearTimeout(silence);
      turn.abort();
    }
    return heard;
  }

  // Tallies, every so often; of the polls that a stream had no room for.
  async #readOn(signal, skipped) {
    while (!signal.aborted) {
      const { ids, voter } = this.#asked();
      await this.#read(ids.slice(skipped), voter, signal);
      await sleep(jitter(READ_EVERY));
    }
  }

  async #read(ids, voter, signal) {
    const { read } = await bring('reading');
    return !signal.aborted && read(this.from, ids, { ask, as, most: MOST_AT_ONCE, voter, signal, pass: (...heard) => this.#pass(...heard) });
  }

  // What is heard is for all who share it. Gives the poll's id.
  #pass(event, data) {
    const id = data.poll ?? data.id;
    this.#heard.set(id, { ...this.#heard.get(id), [event]: data });
    this.#say({ event, data });
    this.#tell(event, data);
    return id;
  }

  #tell(event, data) {
    const id = data.poll ?? data.id;
    for (const poll of this.polls) if (poll.id === id) poll.hear(event, data);
  }
}
