// What labelling the chosen files will cost, before anything is sent: photos by number, videos by
// the length that the browser reads off the file.

const LONGEST_MS = 4_000;

export class UploadCost {
  constructor({ photoUsd, minuteUsd, pricesDate }) {
    this.photo = Number(photoUsd);
    this.minute = Number(minuteUsd);
    this.date = pricesDate;
    this.seconds = new Map();
  }

  // Gives a sentence; asks files for their length once each.
  async say(files) {
    if (!files.length) return "";
    for (const file of files) {
      if (!this.seconds.has(file)) this.seconds.set(file, await lengthOf(file));
    }
    const lengths = files.map((file) => this.seconds.get(file));
    const videos = lengths.filter((length) => length > 0);
    const photos = lengths.filter((length) => length === 0).length;
    const unknown = lengths.filter((length) => length === null).length;
    const minutes = videos.reduce((sum, length) => sum + length, 0) / 60;
    const parts = [];
    if (photos) parts.push(`${photos} photo${photos === 1 ? "" : "s"}`);
    if (videos.length) parts.push(`${videos.length} video${videos.length === 1 ? "" : "s"} (${minutes.toFixed(1)} min)`);
    if (unknown) parts.push(`${unknown} of unknown length, not counted`);
    const cost = photos * this.photo + minutes * this.minute;
    const usd = cost >= 0.1 ? cost.toFixed(2) : cost.toFixed(4);
    return `Labelling will cost about ${usd} USD at the prices of ${this.date}: ${parts.join(", ")}.`;
  }
}

// Seconds of a video, 0 for a photo, null where the browser can't tell.
function lengthOf(file) {
  if (file.type.startsWith("image/")) return Promise.resolve(0);
  return new Promise((resolve) => {
    const video = document.createElement("video");
    const address = URL.createObjectURL(file);
    const end = (length) => {
      URL.revokeObjectURL(address);
      video.removeAttribute("src");
      resolve(length);
    };
    video.preload = "metadata";
    video.addEventListener("loadedmetadata", () => end(Number.isFinite(video.duration) ? video.duration : null));
    video.addEventListener("error", () => end(null));
    setTimeout(() => end(null), LONGEST_MS);
    video.src = address;
  });
}
