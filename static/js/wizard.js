// The key / goes to the search of keys; Escape there empties it. Everything works without it.
(() => {
  "use strict";
  const search = document.querySelector("[data-search]");
  if (!search) return;
  const types = (element) => element.closest("input, select, textarea, [contenteditable]");

  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey && !types(event.target)) {
      event.preventDefault();
      search.focus();
      search.select();
    }
    if (event.key === "Escape" && event.target === search && search.value) {
      search.value = "";
      document.getElementById("found").replaceChildren();
    }
  });

  // A field that a link leads to may lie in a fold.
  function open() {
    const goal = location.hash && document.getElementById(location.hash.slice(1));
    const fold = goal && goal.closest("details:not([open])");
    if (!fold) return;
    fold.open = true;
    goal.scrollIntoView({ block: "center" });
  }
  window.addEventListener("hashchange", open);
  open();
})();
