// Files that people add to the chat: chosen, dropped or taken away, each with how far it is.
// Names and reasons are other people's text: they are set as text, never as markup.
(() => {
  const POLL_MS = 1200, SLOW_POLL_MS = 4000, SLOW_AFTER_MS = 60_000, RETRY_MS = 5000, TRIES = 6;
  const AT_ONCE = 2;
  const WAITS = new Set(["queued", "indexing"]);
  const made = []; // what this page has uploaded or tries to, newest last
  const seen = new Map(); // id -> status that was shown last
  const shown = new Set(); // ids whose row stays although it is done
  const early = []; // dropped before the server said what may be added
  let told = null; // the server's answer: what may be added, and the files
  let open = false, doomed = null, timer = 0, watched = 0, drags = 0;

  const { part, button } = window.attuneParts;
  const size = (bytes) =>
    bytes >= 1e6 ? `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB` : `${Math.max(1, Math.round(bytes / 1e3))} kB`;

  // Heard by screen readers, seen by nobody.
  const say = (words) => {
    const status = document.getElementById("files-status");
    if (status) status.textContent = words;
  };

  // What stands after a file's name, and how it looks.
  const stateOf = (file) => {
    switch (file.status) {
      case "waiting": return ["Waiting", ""];
      case "uploading": return [`Uploading ${Math.round(100 * file.share)}%`, ""];
      case "refused": return [file.reason, "bad"];
      case "failed": return [file.reason || "It could not be read", "bad"];
      case "duplicate":
      case "unchanged": return [file.reason ? `Already here: ${file.reason}` : "Already here - ask about it", "good"];
      case "queued":
        return told && !told.has_worker
          ? ["Waiting for a worker. If none starts, run on the server: attune worker", ""]
          : ["Waiting to be read", ""];
      case "indexing": {
        if (!file.total) return ["Reading", ""];
        const left = file.eta_s ? `, ${duration(file.eta_s)} left` : "";
        return [`Indexing ${Math.round((100 * file.done) / file.total)}%${left}`, ""];
      }
      default: return [file.reason ? `Ready. ${capital(file.reason)}` : "Ready - ask about it", "good"];
    }
  };
  const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
  const duration = (seconds) =>
    seconds < 90 ? `${Math.max(1, Math.round(seconds))} s` : `${Math.round(seconds / 60)} min`;
  const shareOf = (file) => {
    if (file.status === "uploading") return file.share;
    if (file.status === "indexing" && file.total) return file.done / file.total;
    return WAITS.has(file.status) || file.status === "waiting" ? null : undefined;
  };

  const row = (file) => {
    const item = part("li", "file");
    const [words, tone] = stateOf(file);
    const text = part("div", "file-text");
    const title = part("span", "file-title", file.title);
    title.dir = "auto";
    title.title = file.title;
    const about = part("span", `file-state ${tone}`, words);
    if (tone === "good") about.prepend(part("span", "file-tick", "✓ "));
    text.append(title, about);
    const share = shareOf(file);
    if (share !== undefined) {
      const bar = part("span", share === null ? "file-bar busy" : "file-bar");
      const fill = part("span");
      if (share !== null) fill.style.width = `${Math.round(100 * share)}%`;
      bar.append(fill);
      text.append(bar);
    }
    item.append(text, ...buttons(file));
    return item;
  };
  const buttons = (file) => {
    if (file.id === undefined || file.status === "unchanged") {
      const name = file.status === "uploading" || file.status === "waiting" ? "Cancel" : "Close";
      return [button("file-button", "✕", `${name}: ${file.title}`, () => forget(file))];
    }
    if (doomed === file.id) {
      return [
        button("file-button danger", "Delete", `Delete ${file.title} for good`, () => remove(file)),
        button("file-button", "Keep", `Keep ${file.title}`, () => { doomed = null; render(); }),
      ];
    }
    const ask = () => { doomed = file.id; render(); focusOn(".file-button.danger"); };
    const found = [button("file-button", "Delete", `Delete ${file.title}`, ask)];
    if (!open && !WAITS.has(file.status)) {
      found.push(button("file-button", "✕", `Close: ${file.title}`, () => { shown.delete(file.id); render(); }));
    }
    return found;
  };

  const mayAdd = () => Boolean(told && told.may_add);
  const rows = () => {
    const files = told ? told.files : [];
    const inList = files.filter((file) => open || shown.has(file.id) || WAITS.has(file.status));
    return [...made.filter((file) => file.id === undefined || file.status === "unchanged").reverse(), ...inList];
  };

  const render = () => {
    const place = document.getElementById("files");
    if (!place || !told) return;
    const focused = place.contains(document.activeElement) ? selectorOf(document.activeElement) : "";
    const bar = part("div", "files-tools");
    if (mayAdd()) bar.append(button("files-add", "+ Add documents", "", choose));
    if (told.files.length) {
      const count = told.more ? `${told.files.length}+` : told.files.length;
      const words = `${told.private ? "Your documents" : "Documents"} (${count})`;
      const toggle = button("files-toggle", words, "", () => { open = !open; doomed = null; render(); focusOn(".files-toggle"); });
      toggle.setAttribute("aria-expanded", String(open));
      bar.append(toggle);
    }
    const list = part("ul", "files-list");
    list.append(...rows().map(row));
    if (open && told.private && told.days) {
      list.append(part("li", "files-note", `Only you can ask about these files. They are deleted after ${told.days} days.`));
    }
    if (open && !told.private) {
      const note = part("li", "files-note");
      const link = part("a", "", "All documents");
      link.href = "/admin/?tab=documents";
      note.append(link);
      list.append(note);
    }
    place.replaceChildren(bar, ...(list.children.length ? [list] : []));
    if (focused) focusOn(focused);
  };
  // Finds a control again after its row was drawn anew: by its label, or else by its class.
  const selectorOf = (control) => {
    const label = control.getAttribute("aria-label");
    if (label) return `[aria-label="${CSS.escape(label)}"]`;
    return control.className ? `.${control.className.trim().split(/\s+/).join(".")}` : "a";
  };
  const focusOn = (selector) => document.querySelector(`#files ${selector}`)?.focus();

  // The server's word on what there is.
  const look = async () => {
    clearTimeout(timer);
    try {
      const answer = await fetch("/uploads", { headers: { accept: "application/json" } });
      if (answer.ok) take(await answer.json());
    } catch { /* the server is away; the next look tells */ }
    const busy = made.some((file) => file.status === "uploading" || file.status === "waiting");
    if (told && (busy || told.files.some((file) => WAITS.has(file.status)))) {
      timer = setTimeout(look, Date.now() - watched > SLOW_AFTER_MS ? SLOW_POLL_MS : POLL_MS);
    }
  };
  const take = (news) => {
    const first = told === null;
    told = news;
    let ready = false;
    for (const file of news.files) {
      const before = seen.get(file.id);
      seen.set(file.id, file.status);
      if (first || before === file.status) continue;
      watched = Date.now();
      if (WAITS.has(file.status)) { shown.add(file.id); continue; }
      if (before === undefined && !shown.has(file.id)) continue;
      ready = ready || file.status === "indexed";
      say(`${file.title}: ${stateOf(file)[0]}`);
    }
    for (const file of made.slice()) {
      if (file.id !== undefined && file.status === "sent") made.splice(made.indexOf(file), 1);
    }
    render();
    if (ready) refresh();
    if (early.length) add(early.splice(0));
  };
  // An empty chat shows questions about what is new.
  const refresh = () => document.querySelector("#files-ready")?.click();

  const choose = () => {
    const input = document.createElement("input");
    input.type = "file";
    input.multiple = true;
    input.accept = told.endings.join(",");
    input.id = "files-input";
    input.hidden = true;
    input.addEventListener("change", () => { add([...input.files]); input.remove(); });
    document.getElementById("files-input")?.remove();
    document.body.append(input); // some browsers forget an input that is nowhere
    input.click();
  };

  // Small files first: they are in answers at once.
  const add = (files) => {
    if (!told) { early.push(...files); return say("One moment"); }
    if (!mayAdd()) return say(told.refusal);
    watched = Date.now();
    for (const file of files.sort((a, b) => a.size - b.size)) {
      const reason = refusal(file);
      made.push({ file, title: file.name, status: reason ? "refused" : "waiting", reason, share: 0, tries: 0 });
      if (reason) say(`${file.name}: ${reason}`);
    }
    const sent = made.filter((file) => file.status === "waiting").length;
    if (sent) say(`Adding ${sent} ${sent === 1 ? "file" : "files"}`);
    render();
    next();
  };
  const refusal = (file) => {
    const dot = file.name.lastIndexOf(".");
    const name = file.name.toLowerCase();
    const ending = dot < 0 ? "" : name.slice(dot);
    if (!told.endings.some((one) => name.endsWith(one)) && !told.names.includes(name)) {
      return `${ending ? `${ending} files are` : "Files without an ending are"} not read. Attune reads ${told.kinds}`;
    }
    if (file.size > told.most_bytes) return `Too large: ${size(file.size)} of at most ${size(told.most_bytes)}`;
    return file.size ? null : "The file is empty";
  };
  const next = () => {
    while (made.filter((file) => file.status === "uploading").length < AT_ONCE) {
      const file = made.find((one) => one.status === "waiting" && !one.paused);
      if (!file) return;
      send(file);
    }
  };
  const send = (file) => {
    const request = new XMLHttpRequest();
    Object.assign(file, { status: "uploading", share: 0, request });
    request.open("POST", `/uploads?name=${encodeURIComponent(wellFormed(file.title))}`);
    request.setRequestHeader("content-type", "application/octet-stream");
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => {
      file.share = event.lengthComputable ? event.loaded / event.total : 0;
      render();
    });
    request.addEventListener("load", () => ended(file, request.status, request.response));
    request.addEventListener("error", () => ended(file, 0, null));
    request.send(file.file);
    render();
  };
  const wellFormed = (text) => (text.toWellFormed ? text.toWellFormed() : text.replace(/[\ud800-\udfff]/g, "_"));
  const ended = (file, status, answer) => {
    if (status === 201) {
      file.id = answer.id;
      file.status = answer.status === "unchanged" ? "unchanged" : "sent";
      file.reason = answer.reason;
      file.title = answer.title;
      shown.add(answer.id);
      if (file.status === "unchanged") say(`${file.title}: ${stateOf(file)[0]}`);
    } else if (status === 503 && ++file.tries < TRIES) {
      Object.assign(file, { status: "waiting", paused: true });
      setTimeout(() => { file.paused = false; next(); }, RETRY_MS);
    } else {
      file.status = "refused";
      file.reason = reasonOf(status, answer);
      say(`${file.title}: ${file.reason}`);
    }
    render();
    next();
    look();
  };
  const reasonOf = (status, answer) => {
    if (answer && typeof answer.detail === "string") return answer.detail;
    return status ? `The server refused it (${status})` : "The connection broke. Add it again";
  };
  const forget = (file) => {
    file.request?.abort();
    made.splice(made.indexOf(file), 1);
    render();
    next();
  };
  const remove = async (file) => {
    doomed = null;
    const answer = await fetch(`/uploads/${file.id}`, { method: "DELETE" }).catch(() => null);
    say(answer && answer.ok ? `${file.title} was deleted` : `${file.title} could not be deleted`);
    shown.delete(file.id);
    await look();
    focusOn(".files-toggle, .files-add");
    refresh();
  };

  // Dropped anywhere on the page.
  const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  const overlay = (visible) => {
    document.documentElement.classList.toggle("dropping", visible);
    let sheet = document.getElementById("drop-here");
    if (visible && !sheet) {
      sheet = part("div", "", "");
      sheet.id = "drop-here";
      sheet.append(part("span", "", mayAdd() ? "Drop files here to add them" : told?.refusal ?? ""));
      document.body.append(sheet);
    }
    if (!visible) sheet?.remove();
  };
  const listen = (name, act) =>
    window.addEventListener(name, (event) => { if (hasFiles(event)) { event.preventDefault(); act(event); } }, true);
  listen("dragenter", () => { drags += 1; overlay(true); });
  listen("dragover", () => {});
  listen("dragleave", () => { drags = Math.max(0, drags - 1); if (!drags) overlay(false); });
  listen("drop", (event) => {
    event.stopPropagation();
    drags = 0;
    overlay(false);
    const folders = [...event.dataTransfer.items].filter((item) => item.webkitGetAsEntry?.()?.isDirectory);
    const files = [...event.dataTransfer.files].filter((file) => !folders.some((f) => f.getAsFile()?.name === file.name));
    if (folders.length && mayAdd()) {
      const title = folders[0].getAsFile()?.name ?? "Folder";
      made.push({ title, status: "refused", reason: "Folders cannot be added here. Open it and choose its files" });
      render();
    }
    if (files.length) add(files);
  });

  document.addEventListener("click", (event) => {
    if (!event.target.closest?.('a[href$="#add-documents"]')) return;
    event.preventDefault();
    event.stopPropagation();
    if (mayAdd()) choose();
  }, true);

  // Whoever asks knows by then which files are ready; the answer needs the room.
  const fold = () => {
    for (const file of told ? told.files : []) if (!WAITS.has(file.status) && file.status !== "failed") shown.delete(file.id);
    render();
  };
  document.addEventListener("click", (event) => {
    if (event.target.closest?.("#question .submit-button, #chat .example")) fold();
  }, true);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && event.target.matches?.("#question textarea")) fold();
  }, true);

  window.attuneFiles = look;
})();
