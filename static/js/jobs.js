/* A live log follows its end, but only while its reader is there; long ones are kept short on the page. */
(() => {
  "use strict";
  if (window.harborwebJobs) return;
  window.harborwebJobs = true;

  const NEAR = 24; // px from the end that still count as the end
  const ROWS_KEPT = 2000;

  function trim(log) {
    const rows = log.querySelectorAll(".log-line");
    const earlier = log.querySelector("[data-earlier]");
    if (!earlier || rows.length <= ROWS_KEPT + 500) return;
    for (const row of [...rows].slice(0, rows.length - ROWS_KEPT)) row.remove();
    earlier.hidden = false;
  }

  function follow(log) {
    if (log.dataset.following) return;
    log.dataset.following = "yes";
    let atEnd = true;
    const toEnd = () => { log.scrollTop = log.scrollHeight; };
    log.addEventListener("scroll", () => {
      atEnd = log.scrollHeight - log.scrollTop - log.clientHeight <= NEAR;
    }, { passive: true });
    new MutationObserver(() => {
      if (!atEnd) return;
      trim(log);
      toEnd();
    }).observe(log, { childList: true });
    const target = location.hash && document.getElementById(location.hash.slice(1));
    if (target && log.contains(target)) {
      atEnd = false;
      const folded = target.closest("details");
      if (folded) folded.open = true;
      target.scrollIntoView({ block: "center" });
    } else if (log.dataset.follow === "end") {
      toEnd();
    }
  }

  function start(root) {
    root.querySelectorAll("[data-follow]").forEach(follow);
  }

  document.addEventListener("htmx:load", (event) => start(event.detail.elt));
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", () => start(document));
  else start(document);
})();
