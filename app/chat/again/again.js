// The last question can be changed, and any answer can be asked for again. What was there before stays
// readable under the new answer.
(() => {
  const last = (selector) => [...document.querySelectorAll(selector)].at(-1);
  const box = () => document.querySelector("#question textarea");
  const isBusy = () => Boolean(document.querySelector("#question .stop-button"));
  const textOf = (row) => row?.querySelector(".message")?.innerText.trim() ?? "";
  let editing = null; // the text before it is changed
  let waiting = false;

  const send = (flag, question) => {
    const hidden = document.querySelector("#ask-this textarea, #ask-this input");
    if (!hidden || !question || isBusy()) return false;
    hidden.value = `${Date.now()}${flag} ${question}`;
    hidden.dispatchEvent(new Event("input", { bubbles: true }));
    return true;
  };
  const write = (text) => {
    const field = box();
    if (!field) return;
    field.value = text;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  };
  // The click must not reach the chat's own buttons.
  const button = (css, label, act) =>
    window.attuneParts.sign(css, undefined, label, (event) => {
      event.preventDefault();
      event.stopPropagation();
      act(event.currentTarget);
    });

  // The line above the question box while a question is changed.
  const render = () => {
    const line = document.getElementById("editing");
    if (!line) return;
    if (editing === null) { line.replaceChildren(); return; }
    const words = document.createElement("span");
    words.textContent = "Changing your last question";
    const cancel = button("editing-cancel", "Cancel", () => stop());
    cancel.textContent = "Cancel";
    line.replaceChildren(words, cancel);
  };
  const start = () => {
    const question = textOf(last("#chat .user-row"));
    if (!question || isBusy()) return;
    editing = box()?.value ?? "";
    write(question);
    render();
    box()?.focus();
    box()?.setSelectionRange(question.length, question.length);
  };
  const stop = (text = editing ?? "") => {
    editing = null;
    write(text);
    render();
    box()?.focus();
  };
  const submit = (event) => {
    if (editing === null) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const question = box()?.value.trim() ?? "";
    if (question && send("e", question)) stop("");
  };
  window.addEventListener("keydown", (event) => {
    if (!event.target.matches?.("#question textarea")) return;
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) submit(event);
    if (event.key === "Escape" && editing !== null) { event.stopImmediatePropagation(); event.preventDefault(); stop(); }
  }, true);
  window.addEventListener("click", (event) => {
    if (event.target.closest?.("#question .submit-button")) submit(event);
    if (event.target.closest?.("#new-chat, #conversation-list input") && editing !== null) { editing = null; write(""); render(); }
  }, true);

  // The buttons, put where the page has drawn its rows again.
  const place = () => {
    const rows = [...document.querySelectorAll("#chat .user-row")];
    for (const row of rows) {
      const has = row.querySelector(":scope > .change-question");
      const wanted = row === rows.at(-1) && !isBusy();
      if (has && !wanted) has.remove();
      if (!has && wanted) row.prepend(button("change-question", "Change this question", start));
    }
    const bars = [...document.querySelectorAll("#chat .message-buttons-left")];
    for (const bar of bars) {
      const has = bar.querySelector(".ask-again");
      const wanted = bar !== bars.at(-1) && !bar.querySelector("[aria-label=Retry]");
      if (has && !wanted) has.remove();
      if (!has && wanted) (bar.querySelector(".icon-button-wrapper") ?? bar).append(button("ask-again", "Ask again", again));
    }
  };
  // The question above an earlier answer, asked again at the end.
  const questionOf = (pressed) => {
    const rows = [...document.querySelectorAll("#chat .user-row")];
    return textOf(rows.filter((row) => row.compareDocumentPosition(pressed) & Node.DOCUMENT_POSITION_FOLLOWING).at(-1));
  };
  // What was looked at deeper is looked at deeper again.
  const again = (pressed) => {
    const isDeep = pressed.closest(".bot-row, .message-row")?.querySelector("details.steps, .wants-deeper");
    return send(isDeep ? "D" : "", questionOf(pressed));
  };
  // The last question, looked at deeper in place of its answer.
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.('#chat a[href$="#deeper"]');
    if (!link) return;
    event.preventDefault();
    event.stopPropagation();
    send("d", questionOf(link));
  }, true);
  new MutationObserver(() => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; place(); });
  }).observe(document.documentElement, { childList: true, subtree: true });
})();
