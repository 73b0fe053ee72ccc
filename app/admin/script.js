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
  });

  // On narrow screens some tabs are in a menu, whose buttons have nothing but their words.
  window.attuneTab = (name) => {
    const inMenu = [...document.querySelectorAll("#screens .overflow-dropdown button")];
    const button = document.getElementById(`screen-${name}-button`) ??
      inMenu.find((one) => one.textContent.trim().toLowerCase() === name);
    button?.click();
    window.scrollTo({ top: 0 });
  };

  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#tab-"]');
    if (!link) return;
    event.preventDefault();
    window.attuneTab(link.getAttribute("href").slice("#tab-".length));
  });

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

  // What is checked in a table stays checked when the table is drawn anew.
  const chosen = {};
  const boxes = (group) => document.querySelectorAll(`input[data-choose="${group}"]`);
  window.attuneChosen = (group) => {
    const shown = new Set([...boxes(group)].map((box) => box.value));
    return [...(chosen[group] || [])].filter((id) => shown.has(id)).join(",");
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
  });
  new MutationObserver(() => {
    for (const [group, kept] of Object.entries(chosen)) {
      for (const box of boxes(group)) box.checked = kept.has(box.value);
    }
  }).observe(document.documentElement, { childList: true, subtree: true });
})();
