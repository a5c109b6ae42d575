// Shows any frame of a video off the page, from an address of ours: canvases may read it back even
// where the player's own file comes straight from a bucket.

export class FrameReader {
  constructor(url) {
    this.video = document.createElement("video");
    this.video.muted = true;
    this.video.preload = "auto";
    this.video.src = url;
  }

  // Gives the video standing on the frame that is shown at a time; rejects where it can't be read.
  async at(ms) {
    await this.#has("loadeddata", () => this.video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA);
    // A jump lands on the frame at or before its time.
    this.video.currentTime = (ms + 1) / 1000;
    await this.#has("seeked", () => !this.video.seeking);
    return this.video;
  }

  #has(name, isSo) {
    if (this.video.error) return Promise.reject(new Error("The video can't be read."));
    if (isSo()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const stop = new AbortController();
      const end = (how, value) => () => (stop.abort(), how(value));
      this.video.addEventListener(name, end(resolve), { signal: stop.signal });
      this.video.addEventListener("error", end(reject, new Error("The video can't be read.")), { signal: stop.signal });
    });
  }

  close() {
    this.video.removeAttribute("src");
    this.video.load();
  }
}
