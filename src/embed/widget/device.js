// What is kept on the device: nothing before a vote; where the page may store nothing, only while it is open.

export const memory = new Map();

export const device = {
  get(name) {
    try {
      return localStorage.getItem(name) ?? memory.get(name);
    } catch {
      return memory.get(name);
    }
  },
  set(name, value) {
    memory.set(name, value);
    try {
      localStorage.setItem(name, value);
    } catch {
      // Storage is blocked or full: memory has it.
    }
  },
  delete(name) {
    memory.delete(name);
    try {
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
