// The library page with modules: fields act at once, many assets are selected as in a file manager.
import "./more-pages.js";
import "./select-many.js";

for (const form of document.querySelectorAll("[data-act-at-once]")) {
  form.addEventListener("change", () => {
    // What is as it is at first stays out of the address.
    for (const select of form.querySelectorAll("select")) select.disabled = select.selectedIndex === 0;
    form.requestSubmit();
  });
}
