// Spans of time, and waiting. All of it by a clock that nobody sets: a device's own may be put back by minutes.

export const SECOND = 1000;
export const DAY = 24 * 60 * 60 * SECOND;

export const now = () => performance.now();

export const sleep = (millis) => new Promise((done) => setTimeout(done, millis));

// Somewhere from half to one and a half times as long, so that no crowd comes back in step.
export const jitter = (millis) => millis * (0.5 + Math.random());

// How long to wait after so many tries: no less than the service asked for, and longer each time.
export const pause = (tries, least = 0) => least * SECOND + jitter(Math.min(30, 2 ** tries) * SECOND);
