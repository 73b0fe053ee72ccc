// What Gradio leaves open: citations open the passage panel, Escape closes it, the address names
// the conversation, and what is copied is the text that was read.
(() => {
  const openSource = (link) => {
    const box = document.querySelector("#open-source textarea, #open-source input");
    if (!box) return;
    for (const other of document.querySelectorAll("#chat a.opened")) other.classList.remove("opened");
    link.classList.add("opened");
    // The time makes a second click on the same citation a new value.
    box.value = `${link.getAttribute("href").split("#source-")[1]}-${Date.now()}`;
    box.dispatchEvent(new Event("input", { bubbles: true }));
  };
  document.addEventListener(
    "click",
    (event) => {
      const link = event.target.closest('a[href*="#source-"]');
      if (!link) return;
      event.preventDefault();
      event.stopPropagation();
      openSource(link);
    },
    true,
  );

  const toggle = (sidebar) => document.querySelector(`${sidebar} .toggle-button`);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") toggle(".sidebar.right.open")?.click();
  });

  // On a phone the conversations are a drawer over the chat: it closes when one is chosen.
  const showChat = () => {
    if (window.matchMedia("(max-width: 768px)").matches) toggle(".sidebar.open:not(.right)")?.click();
  };
  document.addEventListener("click", (event) => {
    if (!event.target.closest("#new-chat, #conversation-list input")) return;
    showChat();
    if (event.target.closest("#new-chat")) window.attuneOpened(null);
  });

  // Gradio's buttons of the question have signs only.
  const name = () => {
    for (const [part, label] of [["submit", "Send"], ["stop", "Stop"]]) {
      for (const button of document.querySelectorAll(`#question .${part}-button:not([aria-label])`)) {
        button.setAttribute("aria-label", label);
        button.title = label;
      }
    }
  };
  new MutationObserver(name).observe(document.documentElement, { childList: true, subtree: true });

  // Called when the page has loaded: before that the toggles do nothing.
  window.attuneLoaded = () => {
    toggle(".sidebar:not(.right)")?.setAttribute("aria-label", "Conversations");
    toggle(".sidebar.right")?.setAttribute("aria-label", "Passages");
    for (const box of document.querySelectorAll("#open-source textarea, #open-source input")) {
      box.tabIndex = -1;
      box.setAttribute("aria-hidden", "true");
    }
    showChat();
  };

  window.attuneOpened = (conversation) => {
    const address = new URL(window.location.href);
    if (conversation) address.searchParams.set("chat", conversation);
    else address.searchParams.delete("chat");
    address.searchParams.delete("help");
    window.history.replaceState(window.history.state, "", address);
  };

  // The chat copies its Markdown, where citations are links and signs are escaped.
  const clipboard = navigator.clipboard;
  if (clipboard) {
    const write = clipboard.writeText.bind(clipboard);
    const signs = { "&lt;": "<", "&gt;": ">", "&amp;": "&" };
    clipboard.writeText = (text) =>
      write(
        text
          .replace(/\[\\\[(\d+)\\\]\]\(#source-[\d-]+\)/g, "[$1]")
          .replace(/^#{6} /gm, "")
          .replace(/&(lt|gt|amp);/g, (sign) => signs[sign]),
      );
  }
})();
