// What the preview and the viewer share: asking about a source, and a page with its boxes.
(() => {
  const FRESH_MS = 10_000;
  const fresh = new Map(); // answers of the last seconds: the viewer asks what the preview has asked

  const { part } = window.attuneParts;
  const address = (name, rest = "") => `${window.location.pathname.replace(/\/$/, "")}/sources/${name}${rest}`;

  const fetched = async (url) => {
    const answer = await fetch(url, { headers: { accept: "application/json" } });
    const value = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(value.detail ?? "This cannot be shown right now. Try again later.");
    return value;
  };
  const ask = (name, page) => {
    const url = address(name, page ? `?page=${page}` : "");
    const known = fresh.get(url);
    if (known && Date.now() - known.at < FRESH_MS) return known.answer;
    const answer = fetched(url);
    fresh.set(url, { at: Date.now(), answer });
    answer.catch(() => fresh.delete(url));
    if (fresh.size > 20) fresh.delete(fresh.keys().next().value);
    return answer;
  };

  // A page with its boxes. Its width is what whoever shows it gives it.
  const pictureOf = (page, name, width) =>
    address(name, `/page/${page.number}?width=${Math.ceil(width * Math.min(window.devicePixelRatio || 1, 3))}`);
  const mark = (made, page) => {
    const share = (value) => `${100 * value}%`;
    for (const [left, top, right, bottom] of page.boxes) {
      const box = part("div", page.is_exact ? "source-box" : "source-box whole");
      Object.assign(box.style, {
        left: share(left), top: share(top), width: share(right - left), height: share(bottom - top),
      });
      made.append(box);
    }
  };
  const name = (page) => page.label
    ? `Page ${page.label} (PDF page ${page.number} of ${page.pages})` : `Page ${page.number} of ${page.pages}`;
  const sheet = (page, reference, width) => {
    const made = part("div", "source-sheet");
    made.style.aspectRatio = `${page.width} / ${page.height}`;
    const picture = part("img");
    picture.alt = `${name(page)}. ${page.text}`;
    picture.src = pictureOf(page, reference, width);
    picture.draggable = false;
    made.append(picture);
    mark(made, page);
    return made;
  };

  window.attuneSource = { address, fetched, ask, pictureOf, mark, name, sheet };
})();
