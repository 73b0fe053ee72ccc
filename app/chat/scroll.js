// Where the chat stands. A new question goes to the top of the view and its answer grows below it;
// a conversation that is opened shows its end; whoever scrolls is left alone.
(() => {
  const GAP = 12; // above a question at the top, in pixels
  const NEAR = 40; // so close to the end counts as there
  const root = document.documentElement;
  let pane = null;
  let answering = false;
  let last = null; // the last row, to tell another conversation from the same one
  let following = false; // an answer that grows keeps its end in view
  let top = 0;
  let pinned = null; // the question that has been brought to the top
  let put = null; // where the view then stood, until somebody scrolls
  let used = false; // a person has acted since then; the browser also scrolls by itself

  const rows = (kind) => pane.querySelectorAll(`.message-row.${kind}-row`);
  const question = () => [...rows("user")].at(-1);
  const wrap = () => pane.querySelector(".message-wrap");
  const room = () => parseFloat(root.style.getPropertyValue("--room")) || 0;
  const setRoom = (pixels) => {
    if (Math.abs(pixels - room()) >= 1) root.style.setProperty("--room", `${Math.round(pixels)}px`);
  };

  // As much room below as lets the last question stand at the top.
  const makeRoom = () => {
    const asked = question();
    if (!asked) return setRoom(0);
    const below = wrap().getBoundingClientRect().bottom - room() - asked.getBoundingClientRect().top;
    setRoom(Math.max(0, pane.clientHeight - below - GAP));
  };
  const toQuestion = () => {
    makeRoom();
    pane.scrollTop += question().getBoundingClientRect().top - pane.getBoundingClientRect().top - GAP;
    put = pane.scrollTop;
  };
  // The end is where the text ends, not the room below it.
  const endTop = () => Math.max(0, pane.scrollHeight - room() - pane.clientHeight);
  const mark = () => root.classList.toggle("above-end", !!wrap() && endTop() - pane.scrollTop > NEAR);
  const toEnd = (behavior = "auto") => pane.scrollTo({ top: endTop(), behavior });
  const atEnd = () => !root.classList.contains("above-end");

  // Whoever goes to the end of an answer that still grows stays there until they scroll up.
  const scrolled = () => {
    if (pane.scrollTop < top - 1) following = false;
    else if (answering && !room() && endTop() - pane.scrollTop <= NEAR) following = true;
    top = pane.scrollTop;
    if (used && put !== null && Math.abs(top - put) > 1) put = null;
    mark();
  };
  // Every input but typed text may scroll.
  const use = ({ target, key, ctrlKey, metaKey }) => {
    const typed = key?.length === 1 && !ctrlKey && !metaKey && target.closest("input, textarea");
    if (!typed) used = true;
  };
  const resized = () => {
    if (wrap() && atEnd() && !room()) toEnd();
    soon();
  };

  window.attuneToEnd = () => {
    following = answering;
    used = true;
    const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (pane) toEnd(calm ? "auto" : "smooth");
  };

  const look = () => {
    const now = !!document.querySelector("#question .stop-button");
    if (now && !answering) pinned = null;
    answering = now;
    const first = rows("user")[0];
    if (!first) {
      last = null;
      setRoom(0);
    } else if (answering && pinned !== question()) {
      pinned = question();
      following = used = false;
      toQuestion();
    } else if (!answering && first !== last) {
      setRoom(0);
      toEnd();
    } else {
      // What changes above it later must not move it.
      if (put !== null && pinned === question()) toQuestion();
      else if (room()) makeRoom();
      if (answering && following) toEnd();
    }
    last = first ?? null;
    mark();
  };

  for (const kind of ["wheel", "touchmove", "pointerdown", "keydown"])
    document.addEventListener(kind, use, { passive: true });

  let waiting = false;
  const soon = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      const found = document.querySelector("#chat .bubble-wrap");
      if (!found) return;
      if (found !== pane) {
        pane = found;
        pane.addEventListener("scroll", scrolled, { passive: true });
        new ResizeObserver(resized).observe(pane);
      }
      look();
    });
  };
  new MutationObserver(soon).observe(root, { childList: true, subtree: true, characterData: true });

  // Where a keyboard covers the page instead of making it lower, the page is made lower.
  const view = window.visualViewport;
  view?.addEventListener("resize", () => {
    if (Math.abs(view.scale - 1) > 0.01) return;
    root.style.setProperty("--view-height", `${view.height}px`);
    window.scrollTo(0, 0);
  });
})();
