// The buttons that copy a snippet.

const said = document.querySelector('#copied');
let latest;

for (const button of document.querySelectorAll('[data-copies]')) {
  const label = button.textContent;
  let timer;
  button.addEventListener('click', async () => {
    const code = document.getElementById(button.dataset.copies);
    const selection = getSelection();
    try {
      await navigator.clipboard.writeText(code.textContent);
    } catch {
      // A page that may not write to the clipboard leaves the text selected, to be copied by hand.
      selection.selectAllChildren(code);
      return;
    }
    button.textContent = 'نُسخ ✓';
    said.textContent = 'نُسخ النص';
    clearTimeout(timer);
    latest = timer = setTimeout(() => {
      button.textContent = label;
      // Unless it is said of another by now.
      if (latest === timer) said.textContent = '';
    }, 2000);
  });
}
