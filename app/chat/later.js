// Enter while the page still loads or an answer is on its way: the question stays in its box, and is
// sent afterwards, unless it is changed before that.
(() => {
  const box = () => document.querySelector("#question textarea");
  const isBusy = () => !!document.querySelector("#question .stop-button, #chat .waiting");
  // What the page first shows comes after the page itself, and would take the place of an answer.
  let isLoaded = false;
  let kept = null; // the question that waits

  const keep = (question) => {
    kept = question;
    document.documentElement.classList.toggle("question-waits", kept !== null);
  };
  const hold = (event) => {
    const question = box()?.value ?? "";
    keep((!isLoaded || isBusy()) && question.trim() ? question : null);
    if (isLoaded) return; // Gradio sends nothing while an answer is on its way
    event.preventDefault();
    event.stopImmediatePropagation();
  };
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.target !== box()) return;
    hold(event);
  }, true);
  document.addEventListener("click", (event) => {
    if (!isLoaded && event.target.closest?.("#question .submit-button")) hold(event);
  }, true);
  document.addEventListener("input", (event) => { if (kept !== null && event.target === box()) keep(null); }, true);

  const send = () => {
    const button = document.querySelector("#question .submit-button");
    if (kept === null || !isLoaded || isBusy() || !button) return;
    const isSame = box()?.value === kept;
    keep(null);
    if (isSame) button.click();
  };
  new MutationObserver(send).observe(document.documentElement, { childList: true, subtree: true });

  // Called when the page shows what it has to.
  window.attuneShown = () => {
    isLoaded = true;
    send();
  };
})();
