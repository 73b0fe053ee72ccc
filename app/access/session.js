// When a session is over while its page is open, the page says so and shows the way back.
(() => {
  const ask = window.fetch.bind(window);
  window.fetch = async (...request) => {
    const answer = await ask(...request);
    if (answer.status === 401 && new URL(answer.url).origin === location.origin) tell();
    return answer;
  };
  const tell = () => {
    if (document.getElementById("session-over")) return;
    const notice = document.createElement("div");
    notice.id = "session-over";
    notice.setAttribute("role", "alertdialog");
    notice.setAttribute("aria-label", "Your session is over");
    const words = document.createElement("span");
    words.textContent = "Your session is over.";
    const link = document.createElement("a");
    link.textContent = "Sign in again";
    link.href = `/login?next=${encodeURIComponent(location.pathname + location.search)}`;
    notice.append(words, link);
    const style = document.createElement("style");
    style.textContent =
      "#session-over{position:fixed;z-index:10000;top:16px;left:50%;transform:translateX(-50%);" +
      "display:flex;gap:14px;align-items:center;padding:12px 18px;border-radius:12px;" +
      "background:#1e1b4b;color:#fff;box-shadow:0 8px 30px #0006;" +
      "font:15px/1.4 system-ui,sans-serif;width:max-content;max-width:calc(100vw - 32px)}" +
      "#session-over a{color:#c7d2fe;font-weight:600;text-decoration:underline}";
    document.body.append(style, notice);
    link.focus();
  };
})();
