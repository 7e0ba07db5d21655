// The board's own small question: is the visitor's way to harborweb still the one this page came by?
// Nothing else may be asked from here (connect-src 'self'); without JavaScript the sentence simply stays shorter.
(() => {
  "use strict";
  const place = document.getElementById("visitor");
  if (!place) return;
  fetch(place.dataset.url, { headers: { Accept: "application/json" }, credentials: "same-origin" })
    .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(String(answer.status)))))
    .then((seen) => {
      const same = seen.address === place.dataset.address && seen.host === window.location.host;
      place.textContent = same ? place.dataset.again : place.dataset.changed;
    })
    .catch(() => { place.textContent = ""; });
  // What a job changed is drawn anew once it has settled.
  document.body.addEventListener("job-settled", () => { if (document.querySelector(".job")) window.location.reload(); });
})();
