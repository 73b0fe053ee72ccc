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

  // A suggested question is asked by a click, unless an answer is on its way.
  document.addEventListener(
    "click",
    (event) => {
      const link = event.target.closest('#chat a[href$="#ask"]');
      if (!link) return;
      event.preventDefault();
      event.stopPropagation();
      const box = document.querySelector("#ask-this textarea, #ask-this input");
      if (!box || document.querySelector("#question .stop-button")) return;
      box.value = `${Date.now()} ${link.textContent}`;
      box.dispatchEvent(new Event("input", { bubbles: true }));
    },
    true,
  );

  // What a model thinks is drawn again while it grows: it stays as somebody left it, and is folded or
  // unfolded when it is pressed, because it may be another element when it is let go.
  let unfolded = false;
  const thinking = () => document.querySelectorAll("#chat .thinking");
  const fold = () => { for (const part of thinking()) if (part.open !== unfolded) part.open = unfolded; };
  const flip = () => { unfolded = !unfolded; fold(); };
  const onSummary = (act) => (event) => { if (event.target.closest?.("#chat .thinking summary")) act(event); };
  document.addEventListener("pointerdown", onSummary((event) => { if (event.button === 0) flip(); }), true);
  document.addEventListener("click", onSummary((event) => {
    event.preventDefault();
    if (event.detail === 0) flip(); // by the keyboard
  }), true);
  new MutationObserver(() => { if (!thinking().length) unfolded = false; else fold(); })
    .observe(document.documentElement, { childList: true, subtree: true });

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

  // What a screen reader is told, and the page's title. Gradio's buttons of the question have signs
  // only, and its list of example questions has no list items.
  const name = () => {
    const opened = document.querySelector("#conversation-list label.selected");
    const title = opened?.dataset.name ? `${opened.dataset.name} - Attune` : "Attune";
    if (document.title !== title) document.title = title;
    document.querySelector("#chat .examples[role=list]")?.setAttribute("role", "group");
    for (const [part, label] of [["submit", "Send"], ["stop", "Stop"]]) {
      for (const button of document.querySelectorAll(`#question .${part}-button:not([aria-label])`)) {
        button.setAttribute("aria-label", label);
        button.title = label;
      }
    }
  };
  new MutationObserver(name).observe(document.documentElement, {
    childList: true, subtree: true, characterData: true, attributes: true, attributeFilter: ["class"],
  });

  // Called when the page has loaded: before that the toggles do nothing.
  window.attuneLoaded = () => {
    toggle(".sidebar:not(.right)")?.setAttribute("aria-label", "Conversations");
    toggle(".sidebar.right")?.setAttribute("aria-label", "Passages");
    for (const box of document.querySelectorAll(":is(#open-source, #ask-this, #choice) :is(textarea, input)")) {
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

  // The chat would copy the HTML of a message: what is copied is its text, lists and tables as Markdown.
  const list = (node, inner) => {
    let number = Number(node.getAttribute("start") ?? 1);
    const mark = () => (node.localName === "ol" ? `${number++}. ` : "- ");
    const items = [...node.children].map((item) => mark() + inner(item).trim().replace(/\n/g, "\n  "));
    return `\n${items.join("\n")}\n`;
  };
  const table = (node, inner) => {
    const line = (cells) => `| ${cells.join(" | ")} |`;
    const rows = [...node.querySelectorAll("tr")].map((row) =>
      [...row.children].map((cell) => inner(cell).trim().replace(/\s*\n\s*/g, " ")),
    );
    const [head = [], ...body] = rows;
    return `\n${[head, head.map(() => "---"), ...body].map(line).join("\n")}\n\n`;
  };
  const textOf = (node) => {
    const inner = (part) => [...part.childNodes].map(textOf).join("");
    switch (node.localName) {
      case undefined: return node.nodeValue ?? "";
      case "br": return "\n";
      case "hr": return "\n---\n\n";
      case "ul": case "ol": return `${list(node, inner)}\n`;
      case "table": return table(node, inner);
      case "pre": return `\n\`\`\`\n${node.textContent}\n\`\`\`\n\n`;
      case "blockquote": return `${inner(node).trim().replace(/^/gm, "> ")}\n\n`;
      case "p": case "h3": case "h4": case "h5": return `${inner(node)}\n\n`;
      default: return inner(node);
    }
  };
  const clipboard = navigator.clipboard;
  if (clipboard) {
    const write = clipboard.writeText.bind(clipboard);
    clipboard.writeText = (text) => {
      if (!/^<(p|h[345]|ul|ol|pre|div|blockquote|hr)[ >]/.test(text)) return write(text);
      // The lines between the blocks are no text. Nothing in this document loads or runs.
      const message = new DOMParser().parseFromString(text.replace(/\n/g, ""), "text/html");
      // Questions to click and earlier turns are no part of the answer.
      message.querySelectorAll(".asks, .earlier, .deeper, .steps").forEach((part) => part.remove());
      return write(textOf(message.body).replace(/\n{3,}/g, "\n\n").trim());
    };
  }
})();
