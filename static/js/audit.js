// Comfort for the audit's table: j and k go from row to row, x chooses one, / goes to the search. Tab and Enter do it all without.
(() => {
  "use strict";
  const typing = (element) => element.closest("input, select, textarea, [contenteditable]") !== null;

  function step(by) {
    const names = [...document.querySelectorAll(":is(#verdicts, #findings) tbody .cell-name > a")];
    if (!names.length) return;
    const row = document.activeElement.closest(":is(#verdicts, #findings) tbody tr");
    const now = row ? names.findIndex((one) => row.contains(one)) : -1;
    const next = now < 0 ? (by > 0 ? 0 : names.length - 1) : Math.min(names.length - 1, Math.max(0, now + by));
    names[next].focus();
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || typing(event.target)) return;
    if (event.key === "j" || event.key === "k") {
      event.preventDefault();
      step(event.key === "j" ? 1 : -1);
    } else if (event.key === "x") {
      const box = document.activeElement.closest("#findings tbody tr")?.querySelector("input[type=checkbox]");
      if (box) box.checked = !box.checked;
    } else if (event.key === "/") {
      const search = document.getElementById("q");
      if (!search) return;
      event.preventDefault();
      search.focus();
      search.select();
    }
  });
})();
