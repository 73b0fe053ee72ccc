// Citations open the passage panel; Escape closes it.
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
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const toggle = document.querySelector("#passages.open .toggle-button, .sidebar.right.open .toggle-button");
    if (toggle) toggle.click();
  });
})();
