// The search page with modules: fields act at once, strips jump.
import "./time-strip.js";

document.documentElement.classList.add("enhanced");
for (const form of document.querySelectorAll("[data-search-tools]")) {
  form.addEventListener("change", () => form.requestSubmit());
}
