// Sends one file to the API and says how far it is; its answer is an asset or a sentence.

const SPEED_WINDOW_MS = 3_000;
const SIGNED_OUT = "You are signed out. Sign in again in another tab, then try again.";
export const BROKEN = "The connection broke. Nothing is lost here: try again.";

export class SendFailed extends Error {
  constructor(message, { assetUrl = "", canRetry = false, isDuplicate = false } = {}) {
    super(message);
    Object.assign(this, { assetUrl, canRetry, isDuplicate });
  }
}

export function send(file, { url, token, fields, onProgress, signal }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const speed = speedometer();
    request.open("POST", url);
    request.setRequestHeader("X-CSRFToken", token);
    request.setRequestHeader("Accept", "application/json");
    request.upload.addEventListener("progress", (event) => {
      onProgress({ share: event.loaded / event.total, ...speed(event) });
    });
    request.addEventListener("load", () => finish(request, resolve, reject));
    request.addEventListener("error", () => reject(new SendFailed(BROKEN, { canRetry: true })));
    request.addEventListener("abort", () => reject(new SendFailed("Cancelled.", { canRetry: true })));
    signal.addEventListener("abort", () => request.abort(), { once: true });
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) form.append(name, value);
    form.append("file", file, file.name);
    request.send(form);
  });
}

function finish(request, resolve, reject) {
  const answer = parse(request.responseText);
  if (request.status === 201 && answer) return resolve(answer);
  return reject(failure(request.status, answer));
}

// What to tell of an answer that is no success, from its problem document where there is one.
export function failure(status, answer) {
  if (status === 401 || status === 403) return new SendFailed(SIGNED_OUT, { canRetry: true });
  const sentence = answer?.detail || answer?.errors?.[0]?.message;
  return new SendFailed(sentence || `The library did not take it (${status}).`, {
    assetUrl: answer?.asset_url ?? "",
    isDuplicate: status === 409 && Boolean(answer?.asset_url),
    canRetry: status >= 500 || status === 429 || status === 409,
  });
}

export function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

// Bytes a second over the last seconds, and the seconds left at that speed.
export function speedometer() {
  const samples = [];
  return ({ loaded, total }) => {
    const now = performance.now();
    samples.push([now, loaded]);
    while (samples.length > 2 && now - samples[0][0] > SPEED_WINDOW_MS) samples.shift();
    const [since, before] = samples[0];
    if (now - since < 500) return { speed: 0, left: 0 };
    const speed = ((loaded - before) * 1000) / (now - since);
    return { speed, left: speed > 0 ? (total - loaded) / speed : 0 };
  };
}
