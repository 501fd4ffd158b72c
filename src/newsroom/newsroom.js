// What script adds to the newsroom's pages. All of them work without it.

// A menu closes when somebody goes on elsewhere.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && event.target.closest?.("details.menu[open]");
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

document.documentElement.classList.add("script");

// Where the menu is longer than the screen, it begins at the page that is shown.
document.querySelector('.bar nav [aria-current="page"]')?.scrollIntoView({ block: "nearest", inline: "center" });

// The form for a poll: Enter in an answer goes on to the next, several pasted lines become several answers, and the
// preview follows what is typed.

const make = document.getElementById("make");
if (make) {
  const list = make.querySelector("#options");
  const isFixed = list.dataset.fixed === "true";
  const most = 32;

  const labels = () => [...list.querySelectorAll("[name=label]")];

  const insert = (after) => {
    const item = (after?.closest("li") ?? list.lastElementChild).cloneNode(true);
    for (const input of item.querySelectorAll("input")) {
      input.value = "";
      input.removeAttribute("aria-invalid");
      input.removeAttribute("aria-describedby");
      input.removeAttribute("id");
    }
    for (const said of item.querySelectorAll(".wrong, button")) said.remove();
    for (const details of item.querySelectorAll("details")) details.open = false;
    if (after) after.closest("li").after(item);
    else list.append(item);
    complete(item);
    return item.querySelector("[name=label]");
  };

  const add = (after) => {
    if (isFixed || labels().length >= most) return null;
    const label = insert(after);
    number();
    return label;
  };

  const complete = (item) => {
    if (isFixed) return;
    const remove = document.createElement("button");
    remove.type = "button";
    remove.className = "quiet remove";
    remove.textContent = "×";
    item.append(remove);
  };

  // The right answer is chosen by its words, which are being typed.
  const right = make.querySelector("#correct");
  let rightLabel = null;
  const nameRight = () => {
    if (!right || isFixed) return;
    const all = labels();
    while (right.options.length > all.length + 1) right.lastElementChild.remove();
    while (right.options.length <= all.length) right.append(new Option("", right.options.length));
    all.forEach((label, place) => {
      const words = label.value.trim();
      right.options[place + 1].text = `${right.dataset.option} ${place + 1}${words && `: ${words}`}`;
    });
    right.value = all.includes(rightLabel) ? all.indexOf(rightLabel) + 1 : "";
  };
  right?.addEventListener("change", () => (rightLabel = labels()[right.value - 1]));

  const number = () => {
    labels().forEach((label, place) => {
      const item = label.closest("li");
      const renamed = (input) => input.setAttribute("aria-label", input.getAttribute("aria-label").replace(/\d+$/, "") + (place + 1));
      renamed(label);
      renamed(item.querySelector(".emoji"));
      item.querySelector(".remove")?.setAttribute("aria-label", `${list.dataset.remove} ${place + 1}`);
    });
    nameRight();
  };

  for (const item of list.children) complete(item);
  rightLabel = right && labels()[right.value - 1];
  number();

  list.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing || !event.target.matches("[name=label], .emoji")) return;
    event.preventDefault();
    const all = labels();
    const label = event.target.closest("li").querySelector("[name=label]");
    const next = all[all.indexOf(label) + 1];
    if (next && next.value === "") next.focus();
    else add(label)?.focus();
  });

  list.addEventListener("paste", (event) => {
    const lines = event.clipboardData.getData("text").split(/\r?\n/).map((line) => line.trim()).filter(Boolean);
    if (lines.length < 2 || isFixed || !event.target.matches("[name=label]")) return;
    event.preventDefault();
    let at = event.target;
    at.setRangeText(lines.shift(), at.selectionStart, at.selectionEnd, "end");
    // Also more of them than a poll may have: none is lost in silence, and the server says how many may stay. It shows no more
    // than so many again, so what comes after these stays in the last.
    for (const line of lines) {
      if (labels().length >= 64) {
        at.value += ` ${line}`;
        continue;
      }
      const next = at.closest("li").nextElementSibling?.querySelector("[name=label]");
      at = next?.value === "" ? next : insert(at);
      at.value = line;
    }
    number();
    at.focus();
    preview();
  });

  list.addEventListener("click", (event) => {
    const remove = event.target.closest(".remove");
    if (!remove) return;
    const item = remove.closest("li");
    const near = item.previousElementSibling ?? item.nextElementSibling;
    if (labels().length > 2) item.remove();
    else for (const input of item.querySelectorAll("input")) input.value = "";
    (near ?? item).querySelector("[name=label]").focus();
    number();
    preview();
  });

  make.querySelector("#more")?.addEventListener("click", (event) => {
    event.preventDefault();
    add(null)?.focus();
  });

  // Enter in any other field must not send a poll that is not ready; where polls are looked for, it looks.
  make.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !event.target.matches("input")) return;
    event.preventDefault();
    if (event.target.type === "search") make.querySelector("[value=find]").click();
  });

  // Each preview has a frame of its own: what a frame that has shown one before is led to would be one more step back in the
  // browser's history.
  make.addEventListener("submit", (event) => {
    if (event.submitter?.formTarget !== "preview") return;
    const before = document.querySelector("iframe[name=preview]");
    const hasFocus = document.activeElement === before;
    const frame = before.cloneNode();
    frame.removeAttribute("src");
    before.replaceWith(frame);
    if (hasFocus) frame.focus();
  });

  let timer;
  const preview = () => {
    clearTimeout(timer);
    timer = setTimeout(() => make.requestSubmit(document.getElementById("show")), 400);
  };
  make.addEventListener("input", preview);
  list.addEventListener("input", nameRight);
  make.addEventListener("change", preview);
  preview();
}

// What can be copied: without script it is selected by hand.
for (const button of document.querySelectorAll("[data-copy]")) {
  const field = document.getElementById(button.dataset.copy);
  const said = button.parentElement.querySelector("[role=status]");
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(field.value);
    } catch {
      // Some browsers give the clipboard only to what is selected.
      field.select();
      document.execCommand("copy");
    }
    said.textContent = "";
    // Said again if it is copied again.
    requestAnimationFrame(() => (said.textContent = button.dataset.copied));
  });
}

// A poll's page, as votes come in. The stream only tells that something is new: then the page is asked for again, and all
// that moves in it is put in place at once, so that its numbers agree.
for (const section of document.querySelectorAll("[data-live]")) {
  const { live, page, gone, ended } = section.dataset;
  const PAUSE = 1000;
  const LONGEST = 60_000;
  let stream;
  const notice = section.querySelector("[role=alert]");
  const changed = section.querySelector(".changed");
  // Not where this page stands: in answer to a form that was refused, nothing is to be read there.
  const here = new URL(page, location.href);
  here.searchParams.delete("said");
  here.hash = "";
  const state = () => document.querySelector(".facts .state").dataset.state;
  const begun = state();
  let isBusy = false;
  let isBehind = false;
  const stop = (said) => {
    stream?.close();
    notice.textContent = said;
    notice.hidden = false;
  };
  const show = (now) => {
    const parts = new Map([...document.querySelectorAll("[data-moves]")].map((part) => [part.dataset.moves, part]));
    let isOther = false;
    for (const next of now.querySelectorAll("[data-moves]")) {
      const part = parts.get(next.dataset.moves);
      // Where somebody is, nothing moves away under their hands.
      if (part && !part.contains(document.activeElement)) part.replaceChildren(...next.childNodes);
      isOther ||= !part;
    }
    // What needs more than numbers comes with a reload: a form may be half filled in.
    if ((isOther || state() !== begun) && changed.hidden) {
      changed.hidden = false;
      changed.querySelector("span").hidden = false;
    }
  };
  const renew = async () => {
    isBehind = true;
    if (isBusy) return;
    isBusy = true;
    let pause = PAUSE;
    while (isBehind && notice.hidden && !document.hidden) {
      isBehind = false;
      let wait = PAUSE;
      try {
        const answer = await fetch(here);
        if (answer.status === 404) stop(gone);
        else if (answer.redirected || answer.status === 401 || answer.status === 403) stop(ended);
        else if (answer.ok) {
          show(new DOMParser().parseFromString(await answer.text(), "text/html"));
          pause = PAUSE;
        } else {
          // It is busy: what moved last must be shown all the same, once it says so, or after ever longer.
          isBehind = true;
          pause = Math.min(pause * 2, LONGEST);
          wait = Math.max(pause, 1000 * (Number(answer.headers.get("retry-after")) || 0));
        }
      } catch {
        // The server is away for a moment: the stream comes back with it.
      }
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
    isBusy = false;
  };
  const follow = () => {
    if (!notice.hidden || document.hidden) return;
    stream?.close();
    stream = new EventSource(live);
    stream.addEventListener("tally", renew);
    stream.addEventListener("poll", renew);
    stream.addEventListener("gone", () => stop(gone));
    // A refusal ends this stream for good: the page says why, or another stream is tried after a while.
    stream.addEventListener("error", () => {
      if (stream.readyState !== EventSource.CLOSED) return;
      renew();
      setTimeout(follow, LONGEST);
    });
  };
  // Only what is seen is followed: over HTTP/1.1 a browser has six connections to the newsroom, for all its tabs.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) stream?.close();
    else if (notice.hidden) {
      follow();
      renew();
    }
  });
  follow();
}

// Another language is chosen by a form of its own, where a page has several: what was typed as reasons in the others comes
// along, to the page that was asked for and no other.
const reasons = "sawt-reasons";
const languages = document.querySelector("form.languages");
languages?.addEventListener("submit", () => {
  const typed = [...document.querySelectorAll("[name=reason]")].map(({ id, value }) => [id, value]);
  const { pathname } = new URL(languages.elements.back.value, location.href);
  sessionStorage.setItem(reasons, JSON.stringify({ pathname, typed }));
});
const { pathname, typed } = JSON.parse(sessionStorage.getItem(reasons) ?? "{}");
sessionStorage.removeItem(reasons);
for (const [id, text] of pathname === location.pathname ? typed : []) {
  const field = document.getElementById(id);
  if (!field || !text) continue;
  field.value = text;
  for (let around = field.closest("details"); around; around = around.parentElement.closest("details")) around.open = true;
}

// A colour chosen by eye stands in its field as text, which is what is sent.
for (const picker of document.querySelectorAll("[data-colour]")) {
  const field = document.getElementById(picker.dataset.colour);
  const show = () => {
    // It can't be empty: where no colour is chosen it shows the one that stands in for it.
    picker.value = /^#[0-9a-f]{6}$/i.test(field.value) ? field.value : field.placeholder;
  };
  picker.addEventListener("input", () => (field.value = picker.value));
  field.addEventListener("input", show);
  picker.hidden = false;
  show();
}
