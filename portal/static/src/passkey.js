// Passkeys: hand what the server asks for to the browser, and the browser's answer to the server.
"use strict";

(() => {
  // Browsers of before 2025 lack these; there the forms stay hidden, and other ways are open.
  const known = window.PublicKeyCredential
    && PublicKeyCredential.parseCreationOptionsFromJSON
    && PublicKeyCredential.parseRequestOptionsFromJSON;
  if (!known) return;

  const given = document.getElementById("passkey-options");
  const options = given ? JSON.parse(given.textContent) : {};

  async function make() {
    const wish = options.creation_options.publicKey;
    // A passkey of this portal also signs in by itself: it is found without a name, and asks its owner.
    Object.assign(wish.authenticatorSelection, { residentKey: "required", requireResidentKey: true, userVerification: "required" });
    return navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(wish) });
  }

  async function use(wish) {
    return navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(wish.publicKey) });
  }

  async function asked(form) {
    const answer = await fetch(form.action, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(`the options were answered with ${answer.status}`);
    return (await answer.json()).request_options;
  }

  const ways = {
    "make": make,
    "use": () => use(options.request_options),
    "sign-in": async (form) => use(await asked(form)),
  };

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    const problem = form.querySelector("[data-problem]");
    form.hidden = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      problem.hidden = true;
      try {
        const credential = await ways[form.dataset.passkey](form);
        form.elements.credential.value = JSON.stringify(credential.toJSON());
        form.submit(); // which raises no further event
      } catch {
        problem.hidden = false;
      }
    });
  }
  for (const note of document.querySelectorAll("[data-no-passkeys]")) note.hidden = true;
})();
