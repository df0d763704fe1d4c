// Refill's one script. Every page works without it.
(() => {
  "use strict";
  const STALE_MS = 30_000;
  const BUSY_MS = 15_000;
  const REFUSAL_MS = 10_000; // a refusal stays in #alerts
  const CHECK_AGAIN_MS = 5_000;
  const MOST_FAILURES = 5; // then polling ends
  const root = document.documentElement;
  const freshAt = new Map(); // id of a partial -> when its data last came from the server
  let readAt = Date.now();
  let refusedAt = 0;

  root.dataset.js = "";

  const on = (name, then) => document.addEventListener(name, then);
  const byId = (id) => document.getElementById(id);

  const refresh = () => document.body.dispatchEvent(new Event("creditsChanged"));

  const clock = (at) => {
    const { clock, zone } = byId("zone").dataset;
    return new Intl.DateTimeFormat(clock, { hour: "2-digit", minute: "2-digit", timeZone: zone }).format(at);
  };

  /* forms: busy while they are being sent, never sent twice */

  const isBusy = (element) => element.getAttribute("aria-busy") === "true";

  function rest(form) {
    if (!form.matches("form")) return;
    form.removeAttribute("aria-busy");
    form.querySelectorAll('button[aria-busy="true"]').forEach((button) => button.removeAttribute("aria-busy"));
  }

  on("submit", (event) => {
    const form = event.target;
    if (form.method !== "post") return;
    if (!navigator.onLine) {
      event.preventDefault();
      toast("You're offline. Nothing was sent. Try again when you're back.");
    } else if (isBusy(form)) {
      event.preventDefault();
    } else {
      form.setAttribute("aria-busy", "true");
      event.submitter?.setAttribute("aria-busy", "true");
      setTimeout(rest, BUSY_MS, form); // the browser's Stop button tells nobody
    }
  });

  /* fresh numbers */

  window.addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    document.querySelectorAll('form[aria-busy="true"]').forEach(rest);
    refresh();
  });

  on("visibilitychange", () => {
    if (document.visibilityState === "visible" && Date.now() - readAt > STALE_MS) refresh();
  });

  on("htmx:beforeSwap", (event) => {
    const { elt, target, requestConfig } = event.detail;
    rest(requestConfig.elt);
    const isBeingSent = target.querySelector('form[aria-busy="true"]');
    const hidesError = elt.id === "alerts" && Date.now() - refusedAt < REFUSAL_MS;
    if (isBeingSent || hidesError) event.detail.shouldSwap = false;
  });

  on("htmx:afterSwap", (event) => {
    readAt = Date.now();
    const { elt, target } = event.detail;
    freshAt.set(target.id, readAt);
    if (target.id === "alerts" && byId("error")) refusedAt = readAt;
    const title = elt.dataset?.title;
    if (title) document.title = title;
  });

  /* what failed says how old its content is */

  function keepStale(element, words) {
    if (element.matches("section, div")) {
      const line = element.querySelector(":scope > .stale") ?? element.appendChild(document.createElement("p"));
      const again = document.createElement("button");
      again.type = "button";
      again.className = "linklike";
      again.textContent = "Try again";
      again.addEventListener("click", refresh);
      line.className = "stale";
      line.replaceChildren(`Updated ${clock(freshAt.get(element.id) ?? openedAt)}. ${words}`, again);
    } else {
      toast(`${words} Try again in a minute.`);
    }
  }

  const openedAt = readAt;
  for (const name of ["sendError", "responseError", "timeout"]) {
    on(`htmx:${name}`, ({ detail: { elt } }) => {
      const wish = elt.method === "post" ? "save" : "refresh";
      keepStale(elt, name === "timeout" ? "This is taking longer than it should. " : `Couldn't ${wish}. `);
      rest(elt);
      elt.failures = (elt.failures ?? 0) + 1; // in a row: an answer brings a new element
      if (elt.failures < MOST_FAILURES || !elt.matches('[hx-trigger*="every"]')) return;
      elt.setAttribute("hx-trigger", "creditsChanged from:body"); // only "Try again" asks now
      htmx.process(elt);
    });
  }

  /* toasts */

  function toast(words) {
    const shelf = byId("toasts");
    const draft = byId("toast-draft");
    if (!shelf || !draft) return;
    const note = draft.content.cloneNode(true);
    note.querySelector(".toast__words").textContent = words;
    shelf.replaceChildren(note);
  }

  window.addEventListener("offline", () => toast("You're offline. We'll refresh your balance when you're back."));
  window.addEventListener("online", () => {
    byId("toasts")?.replaceChildren();
    refresh();
  });

  /* buttons */

  on("click", (event) => {
    const button = event.target.closest?.("[data-dismiss], [data-toggle-password]");
    if (!button) return;
    if (button.hasAttribute("data-dismiss")) {
      button.closest(".banner, .toast")?.remove();
      byId("main")?.focus({ preventScroll: true });
    } else {
      const field = byId(button.getAttribute("data-toggle-password"));
      if (!field) return;
      const shows = field.type === "password";
      field.type = shows ? "text" : "password";
      button.setAttribute("aria-pressed", String(shows));
    }
  });

  on("click", (event) => {
    document.querySelectorAll(".menu[open]").forEach((menu) => {
      if (!menu.contains(event.target)) menu.open = false;
    });
  });

  on("keydown", (event) => {
    const menu = event.key === "Escape" && document.querySelector(".menu[open]");
    if (!menu) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });

  /* at the start */

  const here = new URL(location.href);
  if (here.searchParams.has("checkout")) {
    // A notice is shown once: reloading must not tell it again.
    for (const name of ["checkout", "purchase", "pack"]) here.searchParams.delete(name);
    history.replaceState(history.state, "", here);
  }

  const ownZone = byId("device-zone");
  if (ownZone) ownZone.value = Intl.DateTimeFormat().resolvedOptions().timeZone;

  const checkAgain = byId("check-again");
  setTimeout(() => {
    if (checkAgain && !window.htmx) location.assign(checkAgain.href); // the CDN is blocked: nobody polls
  }, CHECK_AGAIN_MS);
})();
