// What Gradio leaves open: the address names the tab, and links lead to tabs.
(() => {
  window.attuneOpened = (name) => {
    const address = new URL(window.location.href);
    address.searchParams.set("tab", name);
    window.history.replaceState(window.history.state, "", address);
  };

  // On narrow screens some tabs are in a menu; their buttons answer all the same.
  window.attuneTab = (name) => {
    const label = document.getElementById(`screen-${name}-button`);
    label?.click();
    window.scrollTo({ top: 0 });
  };

  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#tab-"]');
    if (!link) return;
    event.preventDefault();
    window.attuneTab(link.getAttribute("href").slice("#tab-".length));
  });
})();
