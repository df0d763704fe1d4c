// The pages of API keys: copies a secret, asks in a dialog. Both pages work without it.
(() => {
  "use strict";
  const byId = (id) => document.getElementById(id);
  const secret = byId("secret");

  secret?.addEventListener("focus", () => secret.select());

  async function copy() {
    let words = "Copied";
    try {
      await navigator.clipboard.writeText(secret.value);
    } catch {
      words = "Selected. Copy it with your keyboard or its menu";
    }
    secret.focus();
    byId("copied").textContent = words;
    byId("live").textContent = `${words}.`;
  }

  addEventListener("click", (event) => {
    const { copy: copies, ask, keep } = event.target.closest("[data-copy], [data-ask], [data-keep]")?.dataset ?? {};
    if (copies !== undefined) copy();
    else if (keep !== undefined) byId("ask").close();
    else if (ask !== undefined) {
      event.preventDefault();
      byId("ask").showModal();
    }
  });
})();
