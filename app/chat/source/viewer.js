// The source itself: a page as it is drawn, with boxes around the supporting words, or the text of
// the document around the passage. On a wide window it stands beside the answer, else it covers it.
(() => {
  const ZOOMS = [0.5, 0.75, 1, 1.25, 1.5, 2, 3, 4];
  const WIDE = window.matchMedia("(min-width: 1100px)");
  const NARROW = window.matchMedia("(max-width: 768px)");
  let box = null, reference = null, told = null, zoom = 1, turn = 0, opener = null, pushed = false;

  const { part, sign } = window.attuneParts;
  const { address, fetched, ask, pictureOf, mark, sheet } = window.attuneSource;
  const find = (css) => box.querySelector(css);
  const build = () => {
    box = part("dialog");
    box.id = "source";
    box.setAttribute("aria-labelledby", "source-title");
    const head = part("div", "source-head");
    const title = part("h2", "", "");
    title.id = "source-title";
    const save = part("a", "source-save", "Original");
    save.title = "Save the original file";
    head.append(title, save, sign("source-close", "✕", "Close the source", close));
    const tools = part("div", "source-tools");
    tools.setAttribute("role", "toolbar");
    tools.setAttribute("aria-label", "Page");
    const where = part("span", "source-where");
    where.setAttribute("role", "status");
    tools.append(
      sign("source-previous", "‹", "Previous page", () => go(-1)), where,
      sign("source-next", "›", "Next page", () => go(1)), part("span", "source-gap"),
      sign("source-smaller", "−", "Smaller", () => scale(-1)),
      sign("source-zoom", "100%", "Fit the width", () => scale(0)),
      sign("source-larger", "+", "Larger", () => scale(1)),
    );
    const note = part("p", "source-note");
    note.setAttribute("role", "status");
    const stage = part("div", "source-stage");
    stage.tabIndex = 0;
    stage.setAttribute("role", "region");
    stage.setAttribute("aria-label", "Source");
    box.append(head, tools, note, stage);
    box.addEventListener("keydown", keys);
    box.addEventListener("cancel", (event) => { event.preventDefault(); close(); });
    document.body.append(box);
  };

  const say = (words) => { find(".source-note").textContent = words ?? ""; find(".source-note").hidden = !words; };

  const show = (value, first) => {
    told = value;
    const isPage = told.kind === "page";
    box.classList.toggle("is-text", !isPage);
    find("#source-title").textContent = told.title;
    const save = find(".source-save");
    save.hidden = !told.file;
    save.href = address(reference, "/file");
    find(".source-tools").hidden = !isPage;
    say(told.note);
    if (!isPage) return showText();
    // On a phone a whole page is too small to read: the marked words are shown, twice as large.
    if (first) zoom = NARROW.matches && told.boxes.length ? 2 : 1;
    showPage();
  };
  const showPage = () => {
    find(".source-where").textContent = window.attuneSource.name(told);
    find(".source-previous").disabled = told.number <= 1;
    find(".source-next").disabled = told.number >= told.pages;
    const stage = find(".source-stage");
    const made = sheet(told, reference, width());
    made.querySelector("img").addEventListener("error", () => say("The picture of this page could not be loaded."));
    stage.replaceChildren(made);
    resize();
    stage.scrollTo(0, 0);
    toMark();
    if (told.is_picture && told.is_near) recognise(made);
  };
  // On a scan the words are looked for by text recognition, which takes some seconds.
  const recognise = async (made) => {
    const mine = turn, page = told;
    say("This page is a scan. Looking for the words…");
    const found = await fetched(address(reference, `/marks/${page.number}`)).catch(() => ({ boxes: [] }));
    if (mine !== turn || !made.isConnected) return;
    page.boxes = found.boxes;
    say(found.boxes.length ? "" : "The words are not marked, because this page is a scan.");
    mark(made, page);
    toMark();
  };
  const width = () => Math.max(200, find(".source-stage").clientWidth - 24) * zoom;
  const resize = () => {
    const made = find(".source-sheet");
    if (!made) return;
    made.style.width = `${width()}px`;
    find(".source-zoom").textContent = `${Math.round(100 * zoom)}%`;
    find(".source-smaller").disabled = zoom <= ZOOMS[0];
    find(".source-larger").disabled = zoom >= ZOOMS.at(-1);
    // A sharper picture takes the old one's place when it is there.
    const picture = made.querySelector("img"), wanted = pictureOf(told, reference, width());
    if (picture.getAttribute("src") === wanted) return;
    const sharper = new Image();
    sharper.onload = () => { picture.src = wanted; };
    sharper.src = wanted;
  };
  const toMark = () => {
    const stage = find(".source-stage");
    const mark = stage.querySelector(".source-box, mark, .here");
    if (!mark) return;
    const there = mark.getBoundingClientRect(), seen = stage.getBoundingClientRect();
    stage.scrollTop += there.top - seen.top - seen.height / 4;
    // Its beginning is seen, and as much of it as there is room for.
    const beyond = Math.max(0, there.right + 16 - seen.right);
    stage.scrollLeft += Math.min(beyond, there.left - 16 - seen.left);
  };

  const piece = (value) => {
    const made = part("section", `source-part${value.here ? " here" : ""}${value.gap ? "" : " on"}`);
    if (value.heading) {
      const heading = part("p", "source-heading");
      heading.innerHTML = value.heading; // escaped by the server
      made.append(heading);
    }
    const body = part("div", "source-text prose");
    body.innerHTML = value.html; // made by the server's renderer, which can only format
    made.append(body);
    return made;
  };
  const showText = () => {
    const stage = find(".source-stage");
    const text = part("div", "source-pages");
    text.append(...told.parts.map(piece));
    stage.replaceChildren(text);
    more(text, told);
    stage.scrollTo(0, 0);
    toMark();
  };
  const more = (text, value) => {
    const offer = (label, css, first, limit, put) => {
      const made = sign(`source-more ${css}`, label, label, async () => {
        const mine = turn;
        made.disabled = true;
        try {
          const next = await fetched(address(reference, `/text?first=${first}&limit=${limit}`));
          if (mine === turn) put(made, next);
        } catch (error) { made.disabled = false; say(error.message); }
      });
      return made;
    };
    const stage = find(".source-stage");
    if (value.before) {
      const limit = Math.min(8, value.before);
      text.prepend(offer("Show what comes before", "before", value.before - limit, limit, (made, next) => {
        const height = stage.scrollHeight, top = stage.scrollTop;
        made.replaceWith(...next.parts.map(piece));
        more(text, { before: next.before });
        stage.scrollTop = top + stage.scrollHeight - height;
      }));
    }
    if (value.after) {
      text.append(offer("Show what follows", "after", value.after, 8, (made, next) => {
        made.replaceWith(...next.parts.map(piece));
        more(text, { after: next.after });
      }));
    }
  };

  const load = async (page) => {
    const mine = ++turn;
    const slow = setTimeout(() => say("Opening the source…"), 400);
    find(".source-stage").setAttribute("aria-busy", "true");
    try {
      const value = await ask(reference, page);
      if (mine === turn) show(value, !page);
    } catch (error) {
      if (mine === turn) say(error.message);
    } finally {
      clearTimeout(slow);
      if (mine === turn) find(".source-stage").removeAttribute("aria-busy");
    }
  };
  const go = (step) => {
    const page = (told?.number ?? 0) + step;
    if (told?.kind === "page" && page >= 1 && page <= told.pages) load(page);
  };
  const scale = (step) => {
    const next = step ? ZOOMS.indexOf(zoom) + step : ZOOMS.indexOf(1);
    if (told?.kind !== "page" || !ZOOMS[next]) return;
    const stage = find(".source-stage");
    const mark = stage.querySelector(".source-box");
    const seen = stage.getBoundingClientRect(), there = mark?.getBoundingClientRect();
    const isSeen = there && there.bottom > seen.top && there.top < seen.bottom;
    const middle = (stage.scrollTop + stage.clientHeight / 2) / stage.scrollHeight;
    const across = (stage.scrollLeft + stage.clientWidth / 2) / stage.scrollWidth;
    zoom = ZOOMS[next];
    resize();
    stage.scrollTop = middle * stage.scrollHeight - stage.clientHeight / 2;
    stage.scrollLeft = across * stage.scrollWidth - stage.clientWidth / 2;
    if (isSeen) toMark(); // what was seen of the marked words stays in view
  };
  const keys = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const acts = {
      ArrowLeft: () => go(-1), ArrowRight: () => go(1), "+": () => scale(1), "=": () => scale(1),
      "-": () => scale(-1), 0: () => scale(0),
    };
    // Where the page is wider than the window, the arrows move it.
    const stage = find(".source-stage");
    if (event.key.startsWith("Arrow") && stage.scrollWidth > stage.clientWidth + 1) return;
    if (!acts[event.key] || told?.kind !== "page") return;
    event.preventDefault();
    acts[event.key]();
  };

  const open = (name, from) => {
    if (!box) build();
    const isNew = !box.open;
    if (isNew || name !== reference) { find(".source-stage").replaceChildren(); say(""); }
    reference = name;
    if (isNew) {
      opener = from ?? document.activeElement;
      if (WIDE.matches) box.show(); else box.showModal();
      document.documentElement.classList.add("source-open");
      if (!WIDE.matches) { window.history.pushState({ source: true }, ""); pushed = true; }
      find(".source-close").focus();
    }
    load();
  };
  const close = () => {
    if (!box?.open) return;
    turn++;
    box.close();
    document.documentElement.classList.remove("source-open");
    if (pushed) { pushed = false; window.history.back(); }
    if (opener?.isConnected) opener.focus();
    else document.querySelector("#details a.show-source")?.focus();
  };
  window.addEventListener("popstate", () => { if (pushed) { pushed = false; close(); } });
  // Escape closes the source first, then the panel.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !box?.open) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    close();
  }, true);
  window.addEventListener("resize", () => { if (box?.open && told?.kind === "page") resize(); });

  // Another passage in the panel: the source follows. Without one it closes.
  const follow = (name) => {
    if (!box?.open || name === reference) return;
    if (name) open(name); else close();
  };
  Object.assign(window.attuneSource, { open, close, follow });
})();
