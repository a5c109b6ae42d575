// <media-player>: the native video with our controls and the boxes drawn per presented frame.
import { Detections } from "./detections.js";
import { setIcon, toast } from "./elements.js";
import { FrameReader } from "./frame-reader.js";
import { Overlay } from "./overlay.js";
import { savePicture } from "./save-picture.js";
import { clock } from "./times.js";

// A jump lands on the frame at or before its time, so aim a little behind the frame's edge.
const AIM_MS = 1;

class MediaPlayer extends HTMLElement {
  connectedCallback() {
    this.video = this.querySelector("video");
    this.stage = this.querySelector("[data-stage]");
    this.broken = this.querySelector("[data-broken]");
    this.now = 0;
    this.wanted = null;
    this.boxesOn = true;
    this.settled = false;
  }

  // The page hands in what its parts share.
  connect(state) {
    this.state = state;
    this.overlay = new Overlay(this.querySelector("canvas.overlay"), {
      sizeOf: () => ({ width: this.video.videoWidth, height: this.video.videoHeight }),
    });
    this.detections = new Detections(state.detectionsUrl, {
      duration: state.duration,
      onArrival: () => this.draw(),
    });
    this.overlay.onResize = () => this.draw();
    state.addEventListener("change", () => this.draw());
    this.#takeOver();
    this.#watchVideo();
    this.#watchFrames();
    // What broke, or was shown, before this script came is told by nobody any more.
    if (this.video.error) this.#failed();
    if (this.video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA) this.#moved(this.video.currentTime);
  }

  #takeOver() {
    this.video.controls = false;
    this.querySelector("[data-speed]").addEventListener("change", (event) => {
      this.video.playbackRate = Number(event.target.value);
    });
    this.querySelector("[data-reload]").addEventListener("click", () => this.#reload());
    this.video.addEventListener("click", () => this.toggle());
  }

  #watchVideo() {
    const video = this.video;
    for (const name of ["play", "pause", "ended"]) video.addEventListener(name, () => this.#showPlaying());
    // Where frames are told one by one, nothing is drawn in between: boxes of the frame before would
    // stand on the one that has just come.
    if (!video.requestVideoFrameCallback) {
      for (const name of ["seeked", "timeupdate", "loadeddata"]) {
        video.addEventListener(name, () => this.#moved(video.currentTime));
      }
    }
    video.addEventListener("loadeddata", () => {
      this.settled = false;
      this.broken.hidden = true;
    });
    video.addEventListener("error", () => this.#failed());
  }

  #watchFrames() {
    if (!this.video.requestVideoFrameCallback) return;
    this.told = 0;
    for (const name of ["seeked", "loadeddata"]) this.video.addEventListener(name, () => this.#lookOnceStill());
    const onFrame = (_, frame) => {
      this.told += 1;
      this.#moved(frame.mediaTime);
      this.video.requestVideoFrameCallback(onFrame);
    };
    this.video.requestVideoFrameCallback(onFrame);
  }

  // A frame that was shown as its callback was being asked for is told by nobody: while the video
  // stands still, its own time says which one it is.
  #lookOnceStill() {
    const { told } = this;
    setTimeout(() => {
      const isStill = this.video.paused && !this.video.seeking;
      if (isStill && told === this.told) this.#moved(this.video.currentTime);
    }, 150);
  }

  #moved(time) {
    this.now = Math.round(time * 1000);
    this.wanted = null;
    this.draw();
    this.#showClock(clock(this.video.currentTime * 1000));
    this.dispatchEvent(new CustomEvent("player-time", { detail: this.now }));
  }

  #showClock(text) {
    if (text !== this.clockText) this.querySelector("[data-now]").textContent = text;
    this.clockText = text;
  }

  draw() {
    this.detections.want(this.now);
    if (!this.boxesOn) return this.overlay.clear();
    const { lanes, threshold } = this.state;
    // For tests and the curious: the time of the frame that was drawn for, in ms.
    this.overlay.canvas.dataset.at = String(this.now);
    return this.overlay.draw(this.detections.at(this.now), { lanes, threshold });
  }

  // What makes pictures of this video needs; the address gives bytes of ours, never a bucket's.
  source(title) {
    return { title, url: `${this.video.getAttribute("src").split("#")[0]}?here=1`, detections: this.detections };
  }

  async save(title) {
    const { videoWidth: width, videoHeight: height } = this.video;
    if (!width) return;
    const at = this.now;
    const { lanes, threshold } = this.state;
    const detections = this.boxesOn ? this.detections.at(this.now) : [];
    const name = `${title} ${clock(at).replaceAll(":", ".")}`;
    const what = { width, height, detections, lanes, threshold, name };
    if (savePicture(this.video, what)) return;
    const reader = new FrameReader(this.source(title).url);
    try {
      savePicture(await reader.at(at), what);
    } catch (error) {
      toast(`${error.message} Try again.`);
    } finally {
      reader.close();
    }
  }

  // An address of a bucket may have run out: ask ours once more, then say so.
  #failed() {
    // What broke before is told of again, late: by then it is being loaded anew.
    if (!this.video.error) return;
    if (this.settled) {
      this.broken.hidden = false;
      return;
    }
    this.settled = true;
    this.#reload();
  }

  #reload() {
    // Where the person wanted to be, also when the jump there is what broke.
    const time = this.wanted ?? this.now / 1000;
    const wasPlaying = !this.video.paused;
    // The same address leads to a fresh one in the bucket.
    this.video.src = this.video.getAttribute("src").split("#")[0];
    this.video.currentTime = time;
    if (wasPlaying) this.toggle();
  }

  #showPlaying() {
    const button = this.querySelector("[data-do=toggle]");
    const paused = this.video.paused;
    button.setAttribute("aria-label", paused ? "Play" : "Pause");
    setIcon(button.querySelector("svg"), paused ? "play" : "pause");
  }

  get playing() {
    return !this.video.paused;
  }

  seek(ms) {
    const target = Math.min(Math.max(0, ms), this.state.duration || Infinity);
    this.#go((target + AIM_MS) / 1000);
  }

  step(frames) {
    this.video.pause();
    // Aim at the middle of the frame: edges are where rounding chooses the wrong one.
    this.#go(Math.max(0, (this.now + (frames + 0.5) * this.state.frame) / 1000));
  }

  #go(time) {
    this.wanted = time;
    this.video.currentTime = time;
  }

  async toggle() {
    if (!this.video.paused) return this.video.pause();
    try {
      return await this.video.play();
    } catch (error) {
      if (error.name !== "AbortError") this.#failed();
      return undefined;
    }
  }

  toggleBoxes() {
    this.boxesOn = !this.boxesOn;
    this.querySelector("[data-do=boxes]").setAttribute("aria-pressed", String(this.boxesOn));
    this.draw();
  }

  toggleFullscreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.stage.requestFullscreen();
  }

  showHits(text) {
    this.querySelector("[data-hits]").textContent = text;
  }
}

customElements.define("media-player", MediaPlayer);
