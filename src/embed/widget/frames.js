// Frames of polls in a publisher's page get the height they ask for.

export function serve(home) {
  const frames = () => [...document.querySelectorAll('iframe')].filter(({ src }) => src.startsWith(`${home}/embed/`));
  addEventListener('message', ({ data, origin, source }) => {
    const { v, type, height } = data?.sawt ?? {};
    // A sandboxed frame has no origin; that it is the frame it says is seen by its window.
    if (v !== 1 || type !== 'height' || !(height > 0) || (origin !== new URL(home).origin && origin !== 'null')) return;
    for (const frame of frames()) {
      if (frame.contentWindow === source) frame.style.height = `${Math.min(height, 5000)}px`;
    }
  });
  // Those that were there first have told it already, to nobody.
  for (const frame of frames()) frame.contentWindow.postMessage({ sawt: { v: 1, type: 'ask' } }, '*');
}
