// What the pages gain where JavaScript runs: copying, menus that close, a busy button, notices of lost contact.
// Everything works without it; nothing here builds markup from data, and nothing is evaluated.
(() => {
  "use strict";
  const words = document.body.dataset;

  // ---- toasts -------------------------------------------------------------------------------------------
  const toasts = document.getElementById("toasts");

  function leaveSoon(toast) {
    let timer;
    const start = () => { timer = setTimeout(() => toast.remove(), 6000); };
    const stop = () => clearTimeout(timer);
    toast.addEventListener("mouseenter", stop);
    toast.addEventListener("focusin", stop);
    toast.addEventListener("mouseleave", start);
    toast.addEventListener("focusout", start);
    start();
  }

  function say(text, kind, stays) {
    if (!toasts || [...toasts.children].some((one) => one.dataset.text === text)) return null;
    const toast = document.createElement("div");
    toast.className = "toast " + kind;
    toast.dataset.text = text;
    const line = document.createElement("p");
    line.textContent = text;
    const close = document.createElement("button");
    close.type = "button";
    close.className = "close";
    close.setAttribute("aria-label", words.close || "Close");
    close.textContent = "×";
    close.addEventListener("click", () => toast.remove());
    toast.append(line, close);
    toasts.append(toast);
    if (!stays) leaveSoon(toast);
    return toast;
  }

  if (toasts) [...toasts.children].forEach(leaveSoon);

  // ---- copying ------------------------------------------------------------------------------------------
  function copyByHand(text) {  // where the page is not a secure context, the clipboard API is absent
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "hidden";
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done ? Promise.resolve() : Promise.reject(new Error("not copied"));
  }

  function copy(button) {
    const text = button.dataset.copy;
    const way = navigator.clipboard && window.isSecureContext ? navigator.clipboard.writeText(text) : copyByHand(text);
    way.then(() => {
      if (button.classList.contains("is-done")) return;
      const before = [...button.childNodes];
      const word = document.createElement("span");
      word.setAttribute("role", "status");
      word.textContent = button.dataset.copied || words.copied;
      button.classList.add("is-done");
      button.replaceChildren(word);
      setTimeout(() => {
        button.classList.remove("is-done");
        button.replaceChildren(...before);
      }, 2000);
    }, () => { window.getSelection().selectAllChildren(button.closest(".code")?.querySelector("pre") || button.parentElement); });
  }

  // ---- menus --------------------------------------------------------------------------------------------
  const menus = () => document.querySelectorAll("details.menu[open]");

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) copy(button);
    menus().forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
  });
  document.addEventListener("focusin", (event) => {
    menus().forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    menus().forEach((menu) => {
      menu.open = false;
      menu.querySelector("summary").focus();
    });
  });

  // ---- forms: one click is one request --------------------------------------------------------------------
  function busy(button) {
    if (!button || !button.classList.contains("btn")) return;
    button.classList.add("is-busy");
    button.dataset.busy = "1";
    button.setAttribute("aria-disabled", "true");
  }

  function free(root) {
    root.querySelectorAll(".btn[data-busy]").forEach((button) => {
      delete button.dataset.busy;
      button.classList.remove("is-busy");
      button.removeAttribute("aria-disabled");
    });
    root.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent);
  }

  const isHtmx = (element) => element.closest("[hx-post], [hx-get], [hx-put], [hx-delete]") === element;

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || isHtmx(form) || (event.submitter && isHtmx(event.submitter))) return;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "1";
    busy(event.submitter);
    if (form.hasAttribute("data-download")) setTimeout(() => free(document), 3000);
  });
  window.addEventListener("pageshow", () => free(document));

  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-autosubmit]");
    if (form) form.requestSubmit();
  });
  document.addEventListener("input", (event) => {
    const wanted = event.target.dataset.mustEqual;
    if (wanted === undefined) return;
    event.target.form.querySelectorAll("button.btn-danger").forEach((button) => {
      button.disabled = event.target.value.trim() !== wanted;
    });
  });
  // ---- a row of pages that is wider than the screen shows where one is ----------------------------------
  document.querySelectorAll(".subnav [aria-current]").forEach((here) => {
    here.parentElement.scrollLeft = here.offsetLeft - (here.parentElement.clientWidth - here.offsetWidth) / 2;
  });

  document.querySelectorAll("[data-must-equal]").forEach((input) => input.dispatchEvent(new Event("input", { bubbles: true })));

  // ---- htmx -----------------------------------------------------------------------------------------------
  let lost = null;

  document.addEventListener("htmx:beforeRequest", (event) => {
    const element = event.detail.elt;
    busy(element.matches("button") ? element : event.detail.requestConfig?.triggeringEvent?.submitter);
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    const element = event.detail.elt;
    free(element.matches("form") ? element : element.parentElement || document);
    if (event.detail.xhr && event.detail.xhr.status && lost) {
      lost.remove();
      lost = null;
    }
  });
  // Focus that a swap takes away goes to the first field refused in what came instead, or to its heading.
  let place = "";
  document.addEventListener("htmx:beforeSwap", (event) => {
    const target = event.detail.target;
    place = target.contains(document.activeElement) ? target.id : "";
  });
  document.addEventListener("htmx:afterSettle", () => {
    const now = place && document.activeElement === document.body && document.getElementById(place);
    const goal = now && (now.querySelector("[aria-invalid='true']") || now.querySelector("h1, h2, h3"));
    place = "";
    if (!goal) return;
    if (goal.matches("h1, h2, h3")) goal.tabIndex = -1;
    goal.focus({ preventScroll: true });
  });
  ["htmx:sendError", "htmx:timeout"].forEach((name) => document.addEventListener(name, () => {
    lost = lost || say(words.lost, "warn", true);
  }));
  document.addEventListener("htmx:responseError", (event) => {
    const answer = event.detail.xhr;
    const plain = (answer.getResponseHeader("Content-Type") || "").startsWith("text/plain");
    say(plain && answer.responseText.length < 400 ? answer.responseText : words.failed, "bad", true);
  });
})();
