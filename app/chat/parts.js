// What the page's scripts build their parts with. Texts are set as text, never as markup.
(() => {
  const part = (tag, css, text) => {
    const made = document.createElement(tag);
    if (css) made.className = css;
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const button = (css, text, label, act) => {
    const made = part("button", css, text);
    made.type = "button";
    if (label) made.setAttribute("aria-label", label);
    made.addEventListener("click", act);
    return made;
  };
  // A button that shows a sign and tells its name to whoever points at it.
  const sign = (css, text, label, act) => {
    const made = button(css, text, label, act);
    made.title = label;
    return made;
  };

  window.attuneParts = { part, button, sign };
})();
