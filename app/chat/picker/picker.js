// Where questions are searched: everything, or the collections and documents that are chosen here.
// And the language model that answers, where there are several.
// Names are other people's text: they are set as text, never as markup.
(() => {
  const WAIT_MS = 180; // after a key, before the server is asked
  const MOST_DOCUMENTS = 50, MOST_COLLECTIONS = 20;
  const nothing = () => ({ own: false, collections: [], documents: [], gone: "", help: false, llm: null, llms: [] });
  // Nothing chosen, with what has nothing to do with documents as it is.
  const everything = () => ({ ...nothing(), help: chosen.help, llm: chosen.llm, llms: chosen.llms });
  let chosen = nothing();
  let told = false; // whether the page has said what the conversation is limited to
  let found = null; // the server's last list
  let panel = null; // while it is open
  let asked = 0, timer = 0;

  const { part, button } = window.attuneParts;
  const place = () => document.getElementById("picker");
  const opener = () => place()?.querySelector(".picker-open");
  const isAll = () => !(chosen.own || chosen.collections.length || chosen.documents.length);
  const count = (n, one, many) => `${n} ${n === 1 ? one : many}`;

  // What is chosen, in some words.
  const label = () => {
    if (isAll()) return "Everything";
    const parts = [];
    if (chosen.own) parts.push("What I added");
    if (chosen.collections.length === 1) parts.push(`Collection ${chosen.collections[0]}`);
    if (chosen.collections.length > 1) parts.push(`${chosen.collections.length} collections`);
    if (chosen.documents.length === 1) parts.push(chosen.documents[0].title);
    if (chosen.documents.length > 1) parts.push(`${chosen.documents.length} documents`);
    return parts.join(" + ");
  };

  // The control beside the question.
  const render = () => {
    const at = place();
    if (!at) return;
    const isPlain = isAll() && !chosen.gone && !(found && found.total > 1);
    at.hidden = !told || chosen.help || (isPlain && !chosen.llms.length);
    const words = label();
    const open = button("picker-open", "", `Search in: ${words}`, () => (panel ? close() : show()));
    open.setAttribute("aria-haspopup", "dialog");
    open.setAttribute("aria-expanded", String(Boolean(panel)));
    open.classList.toggle("limited", !isAll());
    open.title = words;
    const name = part("span", "picker-label", words);
    name.dir = "auto";
    open.append(part("span", "picker-in", "Search in:"), name);
    const line = part("div", "picker-line");
    if (!isPlain) line.append(open);
    if (!isAll()) line.append(button("picker-all", "✕", "Search everything", () => { clear(); opener()?.focus(); }));
    if (chosen.llms.length) line.append(models());
    const gone = part("p", "picker-gone", chosen.gone);
    gone.setAttribute("role", "status");
    const focused = at.contains(document.activeElement) && !panel?.contains(document.activeElement);
    at.replaceChildren(line, ...(chosen.gone ? [gone] : []), ...(panel ? [panel] : []));
    if (focused) opener()?.focus();
  };

  // The choice of a language model. The first one answers where none is chosen, and 0 stands for none.
  const models = () => {
    const select = part("select", "picker-model");
    select.setAttribute("aria-label", "Language model");
    for (const [id, name] of [...chosen.llms, [0, "Quotes only"]]) {
      const option = part("option", "", name);
      option.value = id;
      select.append(option);
    }
    select.value = chosen.llm ?? "";
    if (select.selectedIndex < 0) select.selectedIndex = 0;
    select.addEventListener("change", () => { chosen.llm = Number(select.value); tell(); });
    return select;
  };

  // Tells the page, which keeps it with the conversation and sends it with the next question.
  const tell = () => {
    chosen.gone = "";
    const box = document.querySelector("#choice textarea, #choice input");
    if (box) {
      box.value = JSON.stringify(chosen);
      box.dispatchEvent(new Event("input", { bubbles: true }));
    }
    refreshControl();
  };
  // The panel stays as it is: a list that is drawn again under the finger loses its place.
  const refreshControl = () => {
    if (!panel) return render();
    const control = opener();
    control.querySelector(".picker-label").textContent = label();
    control.setAttribute("aria-label", `Search in: ${label()}`);
    control.classList.toggle("limited", !isAll());
    panel.querySelector(".picker-clear").disabled = isAll();
  };
  const clear = () => {
    chosen = everything();
    tell();
    if (panel) list();
  };

  // Written by the page: the choice of the conversation that was opened.
  window.attuneChoice = (text) => {
    let news = nothing();
    try { news = { ...nothing(), ...JSON.parse(text || "{}") }; } catch { /* nothing chosen */ }
    if (told && JSON.stringify(news) === JSON.stringify(chosen)) return text;
    told = true;
    chosen = news;
    if (panel) { refreshControl(); list(); } else render();
    return text;
  };

  // The list, from the server as one types.
  const ask = async () => {
    const turn = ++asked;
    const words = panel?.querySelector(".picker-search").value ?? "";
    try {
      const answer = await fetch(`/choices?q=${encodeURIComponent(words.slice(0, 200))}`, { headers: { accept: "application/json" } });
      if (!answer.ok || turn !== asked) return;
      found = { ...(await answer.json()), words: words.trim().toLowerCase() };
    } catch { return; /* the server is away; the next key asks again */ }
    if (turn !== asked) return;
    if (panel) list(); else render();
  };
  const soon = () => { clearTimeout(timer); timer = setTimeout(ask, WAIT_MS); };

  const row = (name, note, checked, toggle) => {
    const item = part("label", "picker-row");
    const box = part("input");
    box.type = "checkbox";
    box.checked = checked;
    box.addEventListener("change", () => { if (!toggle(box.checked)) box.checked = false; tell(); });
    const text = part("span", "picker-name", name);
    text.dir = "auto";
    item.title = name;
    item.append(box, text, ...(note ? [part("span", "picker-note", note)] : []));
    return item;
  };
  const full = (words) => { say(words); return false; };
  const collectionRow = (one) =>
    row(one.name, one.documents === undefined ? "" : count(one.documents, "document", "documents"),
      chosen.collections.includes(one.name), (on) => {
        if (on && chosen.collections.length >= MOST_COLLECTIONS) return full(`At most ${MOST_COLLECTIONS} collections`);
        chosen.collections = on ? [...chosen.collections, one.name] : chosen.collections.filter((name) => name !== one.name);
        return true;
      });
  const documentRow = (one) =>
    row(one.title, one.collection === null ? "Only you" : found?.collections?.length ? one.collection ?? "" : "",
      chosen.documents.some((other) => other.id === one.id), (on) => {
        if (on && chosen.documents.length >= MOST_DOCUMENTS) return full(`At most ${MOST_DOCUMENTS} documents. Choose a collection instead`);
        chosen.documents = chosen.documents.filter((other) => other.id !== one.id);
        if (on) chosen.documents.push({ id: one.id, title: one.title });
        return true;
      });
  const group = (title, rows) => {
    if (!rows.length) return [];
    const made = part("div", "picker-group");
    made.setAttribute("role", "group");
    made.setAttribute("aria-label", title);
    made.append(part("div", "picker-title", title), ...rows);
    return [made];
  };
  const say = (words) => {
    const status = panel?.querySelector(".picker-status");
    if (status && status.textContent !== words) status.textContent = words;
  };

  const list = () => {
    const body = panel?.querySelector(".picker-list");
    if (!body || !found) return;
    const words = found.words;
    const top = chosen.documents.filter((one) => !words || one.title.toLowerCase().includes(words));
    const ids = new Set(top.map((one) => one.id));
    const groups = [];
    if (found.own && !words) {
      const own = row("Only what I added", count(found.own, "document", "documents"), chosen.own, (on) => { chosen.own = on; return true; });
      groups.push(own);
    }
    const names = new Set(found.collections.map((one) => one.name));
    const kept = chosen.collections.filter((name) => !names.has(name) && name.toLowerCase().includes(words));
    groups.push(...group("Collections", [...kept.map((name) => ({ name })), ...found.collections].map(collectionRow)));
    groups.push(...group("Documents", [...top, ...found.documents.filter((one) => !ids.has(one.id))].map(documentRow)));
    body.replaceChildren(...groups);
    body.scrollTop = 0;
    say(groups.length ? (found.more ? "There are more: type a part of the name." : "") : "No name has these words.");
    panel.querySelector(".picker-clear").disabled = isAll();
  };

  const fit = () => {
    const composer = document.getElementById("composer");
    if (!panel || !composer) return;
    const room = panel.parentElement.getBoundingClientRect().top - 12;
    panel.style.maxHeight = `${Math.max(180, Math.min(460, room))}px`;
  };
  const show = () => {
    panel = part("div", "picker-panel");
    panel.setAttribute("role", "dialog");
    panel.setAttribute("aria-label", "Where to search");
    const head = part("div", "picker-head");
    const search = part("input", "picker-search");
    search.type = "search";
    search.placeholder = "Find a document or collection";
    search.setAttribute("aria-label", "Find a document or collection");
    search.autocomplete = "off";
    search.maxLength = 200;
    search.addEventListener("input", soon);
    head.append(search);
    const foot = part("div", "picker-foot");
    const status = part("span", "picker-status");
    status.setAttribute("role", "status");
    foot.append(status, button("picker-clear", "Search everything", "", () => { clear(); search.focus(); }), button("picker-done", "Done", "", () => close()));
    panel.append(head, part("div", "picker-list"), foot);
    panel.addEventListener("keydown", keys);
    render();
    fit();
    list();
    // On a phone the keyboard would cover the list before it was seen.
    if (window.matchMedia("(pointer: coarse)").matches) opener().focus(); else search.focus();
    ask();
  };
  const close = (refocus = true) => {
    if (!panel) return;
    panel = null;
    clearTimeout(timer);
    render();
    if (refocus) document.querySelector("#question textarea")?.focus({ preventScroll: true });
  };

  const keys = (event) => {
    const stops = [panel.querySelector(".picker-search"), ...panel.querySelectorAll(".picker-row input")];
    const at = stops.indexOf(document.activeElement);
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      stops[Math.min(stops.length - 1, Math.max(0, at + (event.key === "ArrowDown" ? 1 : -1)))]?.focus();
    } else if (event.key === "Enter" && at === 0) {
      event.preventDefault();
      stops[1]?.click();
    } else if (event.key === "Enter" && at > 0) {
      event.preventDefault();
      stops[at].click();
    }
  };
  // Before the page's own, which closes the passages.
  window.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !panel) return;
    event.stopPropagation();
    close(false);
    opener()?.focus();
  }, true);
  document.addEventListener("pointerdown", (event) => {
    if (panel && !place()?.contains(event.target)) close(false);
  }, true);
  window.addEventListener("resize", fit);

  // An answer that found nothing in the choice offers to ask again without it.
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.('#chat a[href$="#everywhere"]');
    if (!link) return;
    event.preventDefault();
    event.stopPropagation();
    const box = document.querySelector("#ask-this textarea, #ask-this input");
    if (!box || document.querySelector("#question .stop-button")) return;
    const rows = [...document.querySelectorAll("#chat .message-row")];
    const mine = rows.slice(0, rows.indexOf(link.closest(".message-row"))).reverse().find((one) => one.classList.contains("user-row"));
    const question = mine?.querySelector(".message")?.innerText.trim();
    if (!question) return;
    chosen = everything();
    render();
    box.value = `${Date.now()}* ${question}`;
    box.dispatchEvent(new Event("input", { bubbles: true }));
  }, true);

  // What there is to choose changes with the files.
  document.addEventListener("click", (event) => {
    if (event.target.closest?.("#files-ready, #new-chat")) ask();
  }, true);
  window.attunePicker = ask;
})();
