// Buttons that copy a text to the clipboard: exactly the text, without the line breaks of the page.
"use strict";

(() => {
  if (!navigator.clipboard) return; // a page without TLS: the text can still be selected

  for (const button of document.querySelectorAll("button[data-copy]")) {
    const label = button.textContent;
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(button.dataset.copy);
        button.textContent = button.dataset.done;
      } catch { // the browser or its policy refuses
        const shown = button.closest(".copied")?.querySelector("code");
        if (shown) getSelection().selectAllChildren(shown);
        button.textContent = button.dataset.failed;
      }
      setTimeout(() => { button.textContent = label; }, 2000);
    });
  }
})();
