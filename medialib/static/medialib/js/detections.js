// Boxes by time, fetched in windows as they are needed and kept for the page's life.

const WINDOW_MS = 30_000;
const HOLD_MS = 250;
const RETRY_MS = 5_000;

export class Detections {
  constructor(url, { duration, onArrival }) {
    this.url = url;
    this.duration = duration;
    this.onArrival = onArrival;
    this.windows = new Map();
    this.triedAt = new Map();
    this.loading = new Map();
  }

  // For each label the sample nearest to a time, none farther away than the hold.
  at(ms) {
    const nearest = new Map();
    for (const number of this.#near(ms)) {
      for (const found of this.windows.get(number) ?? []) {
        const distance = Math.abs(found.time_ms - ms);
        if (distance > HOLD_MS) continue;
        const best = nearest.get(found.label);
        if (!best || distance < best.distance) nearest.set(found.label, { found, distance });
      }
    }
    return [...nearest.values()].map(({ found }) => found);
  }

  // Asks for the windows around a time and the one to come.
  want(ms) {
    for (const number of [...this.#near(ms), Math.floor(ms / WINDOW_MS) + 1]) this.#load(number);
  }

  // Waits until what is known around a time is here, or could not be had.
  async arrive(ms) {
    await Promise.all([...this.#near(ms)].map((number) => this.#load(number)));
  }

  #near(ms) {
    return new Set([Math.floor(Math.max(0, ms - HOLD_MS) / WINDOW_MS), Math.floor((ms + HOLD_MS) / WINDOW_MS)]);
  }

  #load(number) {
    const start = number * WINDOW_MS;
    if (this.windows.has(number) || (start > 0 && start >= this.duration)) return undefined;
    if (performance.now() - (this.triedAt.get(number) ?? -RETRY_MS) < RETRY_MS) return this.loading.get(number);
    this.triedAt.set(number, performance.now());
    this.loading.set(number, this.#ask(number, start));
    return this.loading.get(number);
  }

  async #ask(number, start) {
    const address = `${this.url}?start_ms=${start}&end_ms=${start + WINDOW_MS}`;
    try {
      const answer = await fetch(address, { headers: { Accept: "application/json" } });
      if (!answer.ok) return;
      this.windows.set(number, (await answer.json()).results);
      this.onArrival();
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      // The network is away: the next frame asks again.
    }
  }
}
