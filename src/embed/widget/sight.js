// Whether somebody looks. A poll that nobody comes to see costs its reader nothing.

// Near enough to be fetched is within one screen of what is seen.
export const NEAR = '100%';

// Resolves when this element is seen, or is so near to that.
export const seen = (element, rootMargin) =>
  new Promise((done) => {
    const sight = new IntersectionObserver(
      (entries) => {
        if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
        sight.disconnect();
        done();
      },
      { rootMargin },
    );
    sight.observe(element);
  });

// When what was told to be seen: in this page alone, or, where that keeps a mark `sawt.views`, as long as its tab is open.
let marks = {};

// What several scripts tell is told once by all of them.
export const shareMarks = () => (marks = globalThis[Symbol.for('sawt.views')] ??= {});

// Tells the service that something is seen. What is seen again within half an hour is the same view.
export const view = (from, what) => {
  const address = `${from}/v1/views`;
  try {
    if ('sawt.views' in sessionStorage) marks = sessionStorage;
    if (marks[address + what] > Date.now() - 18e5) return;
    marks[address + what] = Date.now();
  } catch {
    // Storage is blocked.
  }
  navigator.sendBeacon(address, what);
};
