// The list of conversations: each with the time of its last message, grouped by day, and searched.
// A label comes as its title and, on a second line, a moment in UTC.
(() => {
  const LABEL = /^([^\n]*)\n(\d{4}-\d\d-\d\dT[\d:]+Z)$/;
  const DAY_MS = 24 * 3600 * 1000;
  const labels = () => [...document.querySelectorAll("#conversation-list label")];
  const search = () => document.querySelector("#conversation-search input");

  const daysAgo = (moment) => {
    const today = new Date().setHours(0, 0, 0, 0);
    return Math.round((today - new Date(moment).setHours(0, 0, 0, 0)) / DAY_MS);
  };
  const groupOf = (days) =>
    days < 1 ? "Today" : days < 2 ? "Yesterday" : days < 8 ? "Previous 7 days" : "Older";
  const format = (moment, options) => new Intl.DateTimeFormat(undefined, options).format(moment);
  const timeOf = (moment, days) => {
    if (days < 2) return format(moment, { hour: "2-digit", minute: "2-digit" });
    return format(moment, { day: "numeric", month: "short", ...(days > 300 ? { year: "numeric" } : {}) });
  };

  const write = (label) => {
    // The text's node is Svelte's, which writes the next label into it.
    const node = label.querySelector("span")?.firstChild;
    const found = LABEL.exec(node?.data ?? "");
    if (!found) return;
    const moment = new Date(found[2]);
    const days = daysAgo(moment);
    label.dataset.name = found[1];
    label.dataset.day = groupOf(days);
    label.title = `${found[1]}\n${format(moment, { dateStyle: "long", timeStyle: "short" })}`;
    node.data = `${found[1]}\n${timeOf(moment, days)}`;
  };

  const arrange = () => {
    const wanted = (search()?.value ?? "").trim().toLowerCase();
    let day = "";
    for (const label of labels()) {
      write(label);
      label.hidden = !(label.dataset.name ?? "").toLowerCase().includes(wanted);
      if (label.hidden) continue;
      const heading = label.dataset.day === day ? "" : label.dataset.day ?? "";
      if ((label.dataset.heading ?? "") !== heading) label.dataset.heading = heading;
      day = label.dataset.day;
    }
  };

  new MutationObserver(arrange).observe(document.documentElement, {
    childList: true, subtree: true, characterData: true,
  });
  document.addEventListener("input", (event) => {
    if (event.target === search()) arrange();
  });
})();
