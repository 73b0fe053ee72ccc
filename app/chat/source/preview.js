// The passage on its page, small, in the panel: a click opens the page. It follows the panel's link.
(() => {
  // The page is drawn this wide behind the small window onto it.
  const WIDTH_PX = 760;
  let shown = null, asked = 0;

  const link = () => document.querySelector(".sidebar.right.open #details a.show-source");
  const referenceOf = (found) => found.getAttribute("href").split("#page-")[1];
  const clear = () => document.getElementById("source-preview")?.replaceChildren();

  const draw = (told, reference) => {
    const place = document.getElementById("source-preview");
    if (!place) return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "source-window";
    button.title = "Show the page";
    button.setAttribute("aria-label", `Show ${window.attuneSource.name(told).replace("Page", "page")}`);
    button.addEventListener("click", () => window.attuneSource.open(reference, button));
    place.replaceChildren(button);
    const boxes = told.boxes, seen = button.clientWidth;
    // Without marked words the upper part of the page is shown, in its whole width.
    const width = boxes.length ? Math.max(WIDTH_PX, seen) : seen;
    const sheet = window.attuneSource.sheet(told, reference, width);
    sheet.style.width = `${width}px`;
    button.append(sheet);
    if (!boxes.length) return;
    const height = (width * told.height) / told.width;
    const least = (side) => Math.min(...boxes.map((box) => box[side]));
    const middle = (least(0) + Math.max(...boxes.map((box) => box[2]))) / 2;
    const within = (value, most) => Math.min(Math.max(0, value), Math.max(0, most));
    sheet.style.left = `${-within(middle * width - seen / 2, width - seen)}px`;
    sheet.style.top = `${-within(least(1) * height - 56, height - button.clientHeight)}px`;
  };

  const follow = async () => {
    const found = link();
    const reference = found ? referenceOf(found) : null;
    if (reference === shown) return;
    shown = reference;
    const turn = ++asked;
    clear();
    window.attuneSource.follow(reference);
    if (!found?.classList.contains("drawn")) return;
    try {
      const told = await window.attuneSource.ask(reference);
      if (turn === asked && told.kind === "page") draw(told, reference);
    } catch { /* the page tells why when it is opened */ }
  };
  new MutationObserver(follow).observe(document.documentElement, {
    childList: true, subtree: true, attributes: true, attributeFilter: ["class", "href"],
  });

  document.addEventListener("click", (event) => {
    const found = event.target.closest?.("#details a.show-source");
    if (!found) return;
    event.preventDefault();
    event.stopPropagation();
    window.attuneSource.open(referenceOf(found), found);
  }, true);
})();
