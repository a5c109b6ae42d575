// Remembers how many pages "Show more" has added and where the person stood, so that Back comes back
// to the same place. Browsers that keep whole pages for Back need none of this.

import { toast } from "./elements.js";

const KEY = "more-pages";
const LONGEST = 20;
let added = 0;

function address() {
  return window.location.pathname + window.location.search;
}

// The link is replaced by the rows, so the event that comes before is the last that it sends.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.shouldSwap && event.detail.target.matches(".more")) added += 1;
});

// The link stays where it is, so trying again is one more click.
document.addEventListener("htmx:sendError", (event) => {
  if (event.target.matches(".more a")) toast("The network is away. Try again in a moment.");
});

document.addEventListener("htmx:responseError", (event) => {
  if (event.target.matches(".more a")) toast("The library did not answer. Try again in a moment.");
});

window.addEventListener("pagehide", () => {
  const kept = added ? { address: address(), added, top: window.scrollY } : null;
  sessionStorage.setItem(KEY, JSON.stringify(kept));
});

function cameBack() {
  return performance.getEntriesByType("navigation")[0]?.type === "back_forward";
}

// Clicks "Show more" and waits until its rows are there; false at the end or without the network.
function addPage() {
  const link = document.querySelector(".more a");
  if (!link) return Promise.resolve(false);
  return new Promise((resolve) => {
    const stop = new AbortController();
    const end = (whether) => () => {
      stop.abort();
      resolve(whether);
    };
    for (const [name, whether] of [["load", true], ["sendError", false], ["responseError", false]]) {
      document.addEventListener(`htmx:${name}`, end(whether), { signal: stop.signal });
    }
    link.click();
  });
}

async function comeBack({ added: count, top }) {
  history.scrollRestoration = "manual";
  for (let page = 0; page < Math.min(count, LONGEST); page += 1) {
    if (!(await addPage())) break;
  }
  window.scrollTo(0, top);
  history.scrollRestoration = "auto";
}

const kept = JSON.parse(sessionStorage.getItem(KEY));
if (kept && cameBack() && kept.address === address()) {
  if (document.readyState === "complete") comeBack(kept);
  else window.addEventListener("load", () => comeBack(kept));
}
