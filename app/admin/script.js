// What Gradio leaves open: the address names the tab, and links lead to tabs.
(() => {
  // The tab on show: events of two tabs opened in a row may come in either order.
  window.attuneSeen = () =>
    document.querySelector('[id^="screen-"][id$="-button"][aria-selected="true"]')?.id.slice("screen-".length, -"-button".length);

  window.attuneOpened = () => setTimeout(() => {
    const address = new URL(window.location.href);
    const name = window.attuneSeen();
    if (!name) return;
    address.searchParams.set("tab", name);
    window.history.replaceState(window.history.state, "", address);
    document.title = `${name[0].toUpperCase()}${name.slice(1)} - Attune`;
    document.getElementById(`screen-${name}-button`)?.scrollIntoView({ inline: "center", block: "nearest" });
  });

  // On narrow screens some tabs are in a menu, whose buttons have nothing but their words.
  window.attuneTab = (name) => {
    const inMenu = [...document.querySelectorAll("#screens .overflow-dropdown button")];
    const button = document.getElementById(`screen-${name}-button`) ??
      inMenu.find((one) => one.textContent.trim().toLowerCase() === name);
    button?.click();
    window.scrollTo({ top: 0 });
  };

  // Calls `act` with the first element that fits and can be clicked, once it is there.
  const whenThere = (selector, act) => {
    const found = () => [...document.querySelectorAll(selector)].find((one) => one.offsetParent && !one.disabled);
    const until = Date.now() + 15000;
    const look = () => {
      const one = found();
      if (one) act(one);
      else if (Date.now() < until) setTimeout(look, 150);
    };
    look();
  };

  // A link names a tab, or a tab, what is chosen there, and the button pressed for it.
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#tab-"]');
    if (!link) return;
    event.preventDefault();
    const [tab, chosen, button] = link.getAttribute("href").slice("#tab-".length).split("/");
    window.attuneTab(tab);
    if (!chosen) return;
    const row = `#screen-${tab} tr[data-pick="${CSS.escape(chosen)}"]`;
    whenThere(row, (one) => {
      if (!one.classList.contains("chosen")) one.click();
      if (button) whenThere(`#screen-${tab}:has(tr.chosen[data-pick="${CSS.escape(chosen)}"]) #${button}`, (step) => step.click());
    });
  });

  // The meaning of a term, for mouse, keyboard and finger.
  const tip = Object.assign(document.createElement("div"), { id: "tip", hidden: true });
  const hideTip = () => { tip.hidden = true; };
  const showTip = (term) => {
    if (!tip.isConnected) document.body.append(tip);
    tip.textContent = term.dataset.tip;
    tip.hidden = false;
    const at = term.getBoundingClientRect();
    const below = at.bottom + 6 + tip.offsetHeight < window.innerHeight;
    tip.style.left = `${Math.max(12, Math.min(at.left, window.innerWidth - tip.offsetWidth - 12))}px`;
    tip.style.top = `${below ? at.bottom + 6 : at.top - 6 - tip.offsetHeight}px`;
  };
  for (const [type, act] of [["mouseover", showTip], ["focusin", showTip], ["mouseout", hideTip], ["focusout", hideTip]]) {
    document.addEventListener(type, (event) => {
      const term = event.target.closest?.(".term");
      if (term) act(term);
    });
  }
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hideTip(); });
  document.addEventListener("scroll", hideTip, true);

  // What opens below a long table is brought into view.
  window.attuneShow = (id) => {
    setTimeout(() => document.getElementById(id)?.scrollIntoView({ behavior: "smooth", block: "nearest" }), 400);
  };

  // Pairs are reviewed by keys, unless somebody is writing.
  const KEYS = { a: "pair-accept", r: "pair-reject", ArrowLeft: "pair-before", ArrowRight: "pair-next" };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !document.getElementById("pair-accept")?.offsetParent) return;
    const box = document.querySelector("#pair-question textarea");
    if (event.target === box && event.key === "Escape") box.blur();
    if (event.target.closest("input, textarea, select, [role=listbox], [role=tab], [contenteditable]")) return;
    if (event.key === "e" && box) {
      event.preventDefault();
      box.focus();
    } else if (KEYS[event.key]) {
      event.preventDefault();
      document.getElementById(KEYS[event.key]).click();
    }
  });

  // What is checked in a table stays checked when the table is drawn again.
  const chosen = {};
  const boxes = (group) => document.querySelectorAll(`input[data-choose="${group}"]`);
  window.attuneChosen = (group) => {
    const shown = new Set([...boxes(group)].map((box) => box.value));
    return [...(chosen[group] || [])].filter((id) => shown.has(id)).join(",");
  };
  // Buttons that act on what is checked rest while nothing is.
  const ACTING = { documents: ["documents-again", "documents-delete"] };
  const rest = () => {
    for (const [group, ids] of Object.entries(ACTING)) {
      const none = !window.attuneChosen(group);
      for (const id of ids) {
        const button = document.getElementById(id);
        if (button && button.disabled !== none) button.disabled = none;
      }
    }
  };
  document.addEventListener("change", (event) => {
    const box = event.target;
    const group = box.dataset?.choose || box.dataset?.chooseAll;
    if (!group) return;
    const kept = (chosen[group] ??= new Set());
    const touched = box.dataset.chooseAll ? [...boxes(group)] : [box];
    for (const one of touched) {
      one.checked = box.checked;
      one.checked ? kept.add(one.value) : kept.delete(one.value);
    }
    rest();
  });
  new MutationObserver(() => {
    for (const [group, kept] of Object.entries(chosen)) {
      for (const box of boxes(group)) box.checked = kept.has(box.value);
    }
    rest();
  }).observe(document.documentElement, { childList: true, subtree: true });

  // Copies what a button names. Pages without https may not use the clipboard, but a selection.
  const copy = async (button) => {
    const text = button.dataset.copy;
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      window.getSelection().selectAllChildren(button.parentElement.querySelector("code"));
      return document.execCommand("copy");
    }
  };
  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.("button[data-copy]");
    if (!button) return;
    button.textContent = (await copy(button)) ? "Copied" : "Press Ctrl+C";
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });

  // Gradio's name for an upload leaves out the words that are shown: those are the better name.
  new MutationObserver(() => {
    for (const button of document.querySelectorAll('button[aria-label^="Click to upload"]')) button.removeAttribute("aria-label");
  }).observe(document.documentElement, { childList: true, subtree: true });
})();
