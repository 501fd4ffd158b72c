// Spans of time, and waiting.

export const SECOND = 1000;
export const DAY = 24 * 60 * 60 * SECOND;

// Somewhere from half to one and a half times as long, so that no crowd comes back in step.
export const jitter = (millis) => millis * (0.5 + Math.random());
