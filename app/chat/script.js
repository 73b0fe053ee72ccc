// Citations open the passage panel; Escape closes it; on a phone the chat comes first.
(() => {
  const openSource = (reference) => {
    const box = document.querySelector("#open-source textarea, #open-source input");
    if (!box) return;
    // The time makes a second click on the same citation a new value.
    box.value = `${reference}-${Date.now()}`;
    box.dispatchEvent(new Event("input", { bubbles: true }));
  };
  document.addEventListener(
    "click",
    (event) => {
      const link = event.target.closest('a[href*="#source-"]');
      if (!link) return;
      event.preventDefault();
      event.stopPropagation();
      openSource(link.getAttribute("href").split("#source-")[1]);
    },
    true,
  );
  // Called when the page has loaded: before that the toggle does nothing.
  window.attuneLoaded = () => {
    const toggle = document.querySelector(".sidebar.open:not(.right) .toggle-button");
    if (toggle && window.matchMedia("(max-width: 768px)").matches) toggle.click();
  };
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const toggle = document.querySelector(".sidebar.right.open .toggle-button");
    if (toggle) toggle.click();
  });
})();
