// Refill's one script. Every page works without it.
(() => {
  "use strict";
  const STALE_MS = 30_000;
  const BUSY_MS = 15_000;
  const REFUSAL_MS = 10_000;
  const CHECK_AGAIN_MS = 5_000;
  const MOST_FAILURES = 5;
  const root = document.documentElement;
  const { reader } = root.dataset;
  const openedAt = Date.now();
  const freshAt = new Map(); // id of a partial -> when it last came
  let readAt = openedAt;
  let refusedAt = 0;

  root.dataset.js = "";

  const on = (name, act) => addEventListener(name, act);
  const byId = (id) => document.getElementById(id);
  const draft = (id) => byId(id).content.cloneNode(true).firstElementChild;
  const tell = (name) => document.body.dispatchEvent(new Event(name));
  const refresh = () => tell("creditsChanged");

  const clock = (at) => {
    const { clock, zone } = byId("zone").dataset;
    return new Date(at).toLocaleTimeString(clock, { timeStyle: "short", timeZone: zone });
  };

  // Forms: busy while they are being sent, never sent twice.

  const BUSY = '[aria-busy="true"]';
  const rest = (within) => within.querySelectorAll(BUSY).forEach((element) => element.removeAttribute("aria-busy"));
  const answered = (elt) => elt.matches("form") && rest(elt.parentNode);

  on("submit", (event) => {
    const form = event.target;
    if (form.method !== "post") return;
    if (!navigator.onLine) toast("You're offline. Nothing was sent. Try again when you're back.");
    if (!navigator.onLine || form.matches(BUSY)) return event.preventDefault();
    for (const element of [form, event.submitter]) element?.setAttribute("aria-busy", "true");
    setTimeout(rest, BUSY_MS, form.parentNode); // Stop tells nobody
    if (form.closest("#pack-grid")) sessionStorage.setItem("buying", "1");
  });

  // Fresh numbers.

  on("pageshow", ({ persisted }) => {
    if (persisted) {
      if (!isMine()) location.reload();
      rest(document);
      refresh();
    }
    // Buy was pressed here: this is the Back button, unless a notice says why.
    const isBack = sessionStorage.getItem("buying");
    sessionStorage.removeItem("buying");
    if (isBack && (persisted || byId("notice")?.childElementCount === 0)) tell("checkoutLeft");
  });

  on("visibilitychange", () => {
    if (!document.hidden && Date.now() - readAt > STALE_MS) refresh();
  });

  on("htmx:beforeSwap", ({ detail }) => {
    answered(detail.requestConfig.elt);
    const hidesError = detail.elt.id === "alerts" && Date.now() - refusedAt < REFUSAL_MS;
    if (hidesError || detail.target.querySelector(`form${BUSY}`)) detail.shouldSwap = false;
  });

  on("htmx:afterSwap", ({ detail: { elt, target = elt } }) => {
    readAt = Date.now();
    freshAt.set(target.id, readAt);
    if (target.id === "alerts" && byId("error")) refusedAt = readAt;
    if (elt.dataset?.title) document.title = elt.dataset.title;
  });

  // The other tabs of this browser.

  const isMine = () => reader === undefined || reader === localStorage.getItem("reader");
  const tellTabs = () => localStorage.setItem("changed", Date.now());

  on("creditsChanged", tellTabs); // the server's word: ours doesn't bubble
  on("storage", ({ key }) => {
    if (key === "changed") refresh();
    else if (!isMine()) location.reload(); // somebody else
  });

  // What failed keeps its old content and says how old it is.

  function keepStale(element, words) {
    if (!element.matches("section, div")) return toast(`${words} Try again in a minute.`);
    const line = element.querySelector(":scope > .stale") ?? element.appendChild(draft("stale-draft"));
    line.firstElementChild.textContent = `Updated ${clock(freshAt.get(element.id) ?? openedAt)}. ${words}`;
  }

  for (const name of ["sendError", "responseError", "timeout"]) {
    on(`htmx:${name}`, ({ detail: { elt } }) => {
      const wish = elt.method === "post" ? "save" : "refresh";
      keepStale(elt, name === "timeout" ? "This is taking longer than it should." : `Couldn't ${wish}.`);
      answered(elt);
      elt.failures = (elt.failures ?? 0) + 1; // in a row
      if (elt.failures < MOST_FAILURES || !elt.matches('[hx-trigger*="every"]')) return;
      elt.setAttribute("hx-trigger", "creditsChanged from:body"); // only "Try again" asks now
      htmx.process(elt);
    });
  }

  function toast(words) {
    const note = draft("toast-draft");
    note.querySelector("span").textContent = words;
    byId("toasts").replaceChildren(note);
  }

  on("offline", () => toast("You're offline. We'll refresh your balance when you're back."));
  on("online", () => {
    byId("toasts").replaceChildren();
    refresh();
  });

  const openMenu = () => document.querySelector(".menu[open]");

  on("click", ({ target }) => {
    const menu = openMenu();
    if (menu && !menu.contains(target)) menu.open = false;
    const button = target.closest("[data-dismiss], [data-refresh], [data-toggle-password]");
    if (!button) return;
    const { dismiss, togglePassword } = button.dataset;
    if (dismiss !== undefined) {
      button.closest(".banner, .toast").remove();
      byId("main").focus({ preventScroll: true });
    } else if (togglePassword) {
      const field = byId(togglePassword);
      const shows = field.type === "password";
      field.type = shows ? "text" : "password";
      button.ariaPressed = shows;
    } else {
      refresh();
    }
  });

  on("keydown", ({ key }) => {
    const menu = key === "Escape" && openMenu();
    if (!menu) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });

  const here = new URL(location);
  if (byId("notice")) {
    for (const name of ["checkout", "purchase", "session_id", "portal"]) here.searchParams.delete(name);
    history.replaceState(history.state, "", here);
  }

  const ownZone = byId("device-zone");
  if (ownZone) ownZone.value = Intl.DateTimeFormat().resolvedOptions().timeZone;

  setTimeout(() => {
    if (!window.htmx) byId("check-again")?.click(); // no CDN: nobody polls
  }, CHECK_AGAIN_MS);

  // Last: a browser that keeps nothing refuses.
  if (reader !== undefined) localStorage.setItem("reader", reader);
  if (byId("checkout-status")) tellTabs();
})();
