// The search page with modules: fields act at once, strips jump.
import "./confidence-slider.js";
import "./moment-pictures.js";
import "./more-pages.js";
import "./time-strip.js";

for (const form of document.querySelectorAll("[data-search-tools]")) {
  form.addEventListener("change", () => {
    // What is as it is at first stays out of the address.
    for (const select of form.querySelectorAll("select")) select.disabled = select.selectedIndex === 0;
    form.requestSubmit();
  });
}
