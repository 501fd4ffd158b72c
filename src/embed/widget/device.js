// What is kept on the device: nothing before a vote; where the page may store nothing, only while it is open.

import { HOME } from './home.js';
import { SECOND } from './time.js';

export const memory = new Map();

// A page may have polls of two services.
const key = (name) => `${name} ${HOME}`;

// The name alone was the key once. What is found so is moved.
const adopt = (name) => {
  const value = localStorage.getItem(name);
  if (value === null) return undefined;
  localStorage.setItem(key(name), value);
  localStorage.removeItem(name);
  return value;
};

export const device = {
  get(name) {
    try {
      return localStorage.getItem(key(name)) ?? adopt(name) ?? memory.get(name);
    } catch {
      return memory.get(name);
    }
  },
  set(name, value) {
    memory.set(name, value);
    try {
      localStorage.setItem(key(name), value);
    } catch {
      // Storage is blocked or full: memory has it.
    }
  },
  delete(name) {
    memory.delete(name);
    try {
      localStorage.removeItem(key(name));
      localStorage.removeItem(name);
    } catch {
      // It was never there.
    }
  },
};

export const VOTER = 'sawt.voter';
export const MOST_POLLS = 100;

// One record: the token, and the polls voted in with it, newest first. The service is asked for the ballots in these, and
// not at every poll a voter meets.
export const voterIn = (kept) => kept.get(VOTER)?.split(' ')[0];
export const pollsIn = (kept) => kept.get(VOTER)?.split(' ').slice(1) ?? [];

// One tab of a browser at a time does this, where tabs can agree: not without TLS, nor in a frame without an origin. What
// one has kept, the next sees a moment later, so the turn lasts that long.
export const alone = (act) =>
  new Promise((done) => {
    const turn = async () => {
      const doing = act();
      done(doing);
      await doing;
      await new Promise((over) => setTimeout(over, SECOND / 4));
    };
    try {
      navigator.locks.request(key(VOTER), turn).catch(turn);
    } catch {
      turn();
    }
  });

// Who a reader is to the service before it has answered their first vote. Kept until then, so that whoever sends the vote
// again, also after a reload, is the same voter.
export const NONCE = 'sawt.nonce';

const makeNonce = () => {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').slice(0, 22);
};

// The reader as a body names them, in JSON: by their token, or else by a nonce. Of two tabs that make one at once, both
// take the first.
export async function namedIn(kept) {
  const known = () => {
    const [voter, nonce] = [voterIn(kept), kept.get(NONCE)];
    return (voter && `"${voter}"`) || (nonce && `{"nonce":"${nonce}"}`);
  };
  const make = () => {
    if (!known()) kept.set(NONCE, makeNonce());
    return known();
  };
  return known() || alone(make);
}
