// The menus of the bar: one is open at a time, and Escape or a click beside it closes it.
"use strict";

(() => {
  const open = () => document.querySelectorAll(".bar details[open]");

  document.addEventListener("click", ({ target }) => {
    for (const menu of open()) if (!menu.contains(target)) menu.open = false;
  });
  document.addEventListener("keydown", ({ key }) => {
    if (key !== "Escape") return;
    for (const menu of open()) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });

  // The fragments of a page are of the place that the page is of, whatever another tab chose since.
  document.addEventListener("htmx:configRequest", ({ detail }) => {
    if (document.body.dataset.place) detail.headers["X-Place"] = document.body.dataset.place;
  });
})();
