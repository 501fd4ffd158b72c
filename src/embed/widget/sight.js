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
