// An asset's state in words, and watching it until it has ended. The words are those of the pages.

const WORDS = {
  preparing: ["preparing", "The file is being looked at and made ready to play."],
  labelling: ["labelling", "Findable by its words already; its labels are being found."],
  searchable: ["searchable", "Everything that was asked for is done."],
  rejected: ["cannot be shown", "The original is kept for 7 days."],
  failed: ["failed", "Preparing it broke on our side."],
};
const FIRST_MS = 1_000;
const SLOWEST_MS = 10_000;
const AWAY_MS = 5_000;

export function isEnded(status) {
  return ["searchable", "rejected", "failed"].includes(status.state);
}

// What to say of a state, and in which tone: while it runs what is being done, then how it ended.
export function describe(status) {
  const [word, sentence] = WORDS[status.state] ?? [status.state, ""];
  if (!isEnded(status)) {
    const share = status.progress > 0 && status.progress < 1 ? ` ${Math.round(status.progress * 100)} %` : "";
    return { word, sentence: (status.detail || sentence) + share, tone: "" };
  }
  if (status.state !== "searchable") return { word, sentence: status.detail || sentence, tone: "bad" };
  const failed = (status.analyses ?? []).find((analysis) => analysis.status === "FAILED");
  if (failed) return { word: "findable by its words", sentence: failed.detail, tone: "warn" };
  return { word, sentence, tone: "ok" };
}

function pause(ms) {
  return new Promise((resume) => setTimeout(resume, ms));
}

function shown() {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resume) => {
    document.addEventListener("visibilitychange", resume, { once: true });
  });
}

// Calls back with the asset each time, at once and then ever more slowly, never while hidden.
export async function watch(url, onAsset) {
  for (let wait = FIRST_MS; ; wait = Math.min(wait * 1.2, SLOWEST_MS)) {
    await shown();
    const asset = await ask(url);
    if (asset === "gone") return;
    if (asset) {
      onAsset(asset);
      if (isEnded(asset.status)) return;
    }
    await pause(asset ? wait : AWAY_MS);
  }
}

async function ask(url) {
  try {
    const answer = await fetch(url, { headers: { Accept: "application/json" } });
    if (answer.ok) return await answer.json();
    return answer.status >= 500 || answer.status === 429 ? null : "gone";
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}
