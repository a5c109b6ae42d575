// The search page with modules: fields act at once, strips jump, Esc closes the sheet of filters.
import "./confidence-slider.js";
import "./moment-pictures.js";
import "./more-pages.js";
import "./time-strip.js";

document.addEventListener("change", ({ target: { form } }) => {
  if (!form?.matches("[data-search-tools]")) return;
  // What is as it is at first stays out of the address.
  for (const field of form.elements) if (field.matches("select")) field.disabled = field.selectedIndex === 0;
  form.requestSubmit();
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && window.location.hash === "#filters") document.querySelector(".facets-close").click();
});
