// Enter while an answer is on its way: the question stays in its box, and is sent once the answer is
// complete, unless it is changed before that.
(() => {
  const box = () => document.querySelector("#question textarea");
  const isBusy = () => !!document.querySelector("#question .stop-button, #chat .waiting");
  let kept = null; // the question that waits

  const keep = (question) => {
    kept = question;
    document.documentElement.classList.toggle("question-waits", kept !== null);
  };
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.target !== box()) return;
    keep(isBusy() && event.target.value.trim() ? event.target.value : null);
  }, true);
  document.addEventListener("input", (event) => { if (kept !== null && event.target === box()) keep(null); }, true);

  const send = () => {
    const button = document.querySelector("#question .submit-button");
    if (kept === null || isBusy() || !button) return;
    const isSame = box()?.value === kept;
    keep(null);
    if (isSame) button.click();
  };
  new MutationObserver(send).observe(document.documentElement, { childList: true, subtree: true });
})();
