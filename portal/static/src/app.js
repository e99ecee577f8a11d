// The live fragments of pages: polling that costs nothing while nothing changed, and "3 min ago".
"use strict";

(() => {
  const words = new Intl.RelativeTimeFormat(document.documentElement.lang, { style: "narrow", numeric: "auto" });
  const steps = [[60, "second"], [3600, "minute", 60], [86400, "hour", 3600], [Infinity, "day", 86400]];

  function ago(seconds) {
    const [, unit, size = 1] = steps.find(([limit]) => Math.abs(seconds) < limit);
    return words.format(-Math.floor(seconds / size), unit);
  }

  function tellTimes(part) {
    const now = Date.now();
    for (const time of part.querySelectorAll("time[data-relative]")) {
      const age = (now - Date.parse(time.dateTime)) / 1000;
      const text = age < 5 ? time.dataset.relative : ago(age);
      if (time.textContent !== text) time.textContent = text;
    }
  }

  // A site's times are told in its own zone: say so where the reader's clock shows another.
  function tellZones(part) {
    const now = new Date();
    for (const place of part.querySelectorAll("[data-zone]:not(.differs, #zone)")) {
      const { zone, differs } = place.dataset;
      if (now.toLocaleString("sv", { timeZone: zone }) === now.toLocaleString("sv")) continue;
      place.classList.add("differs");
      if (differs) place.textContent = differs;
      else place.append(place.dataset.note);
      place.normalize();
    }
  }

  for (const chooser of document.querySelectorAll("select[data-submits]")) {
    chooser.addEventListener("change", () => chooser.form.requestSubmit());
  }

  const live = document.getElementById("live");
  const lost = document.getElementById("lost");
  tellTimes(document);
  tellZones(document);
  setInterval(() => tellTimes(document), 1000);
  if (!live) return;

  function tellLost(isLost) {
    if (lost.hidden !== isLost) return;
    lost.hidden = !isLost;
    lost.textContent = isLost ? live.dataset.lost : "";
  }

  // What a reader opened stays open when the part around it is drawn anew.
  Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, node) => name !== "open" || node.tagName !== "DETAILS";

  const lives = (part) => part.dataset.etag !== undefined;
  document.body.addEventListener("htmx:configRequest", (event) => {
    if (lives(event.detail.elt)) event.detail.headers["If-None-Match"] = event.detail.elt.dataset.etag;
  });
  document.body.addEventListener("htmx:beforeRequest", (event) => {
    if (lives(event.detail.elt) && document.hidden) event.preventDefault();
  });
  document.body.addEventListener("htmx:beforeOnLoad", (event) => {
    const part = event.detail.elt;
    if (!lives(part)) return;
    const { status } = event.detail.xhr;
    const tag = event.detail.xhr.getResponseHeader("ETag");
    if (status === 200 && tag) part.dataset.etag = tag;
    if (status === 404) location.reload(); // gone, or no longer the reader's: the page says so
    tellLost(status >= 500);
  });
  document.body.addEventListener("htmx:sendError", () => tellLost(true));
  // Before the swap, so that what says the same stays as it is: a screen reader tells every change.
  document.body.addEventListener("htmx:beforeSwap", ({ detail }) => {
    const answer = document.createElement("template");
    answer.innerHTML = detail.serverResponse;
    tellTimes(answer.content);
    tellZones(answer.content);
    detail.serverResponse = answer.innerHTML;
  });
})();
