// The operator's overview asks for its lights again every half minute, while somebody looks at it.
(() => {
  "use strict";
  const EVERY_MS = 30_000;
  setInterval(() => {
    if (!document.hidden) document.body.dispatchEvent(new Event("lightsDue"));
  }, EVERY_MS);
})();
