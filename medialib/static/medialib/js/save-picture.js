// Saves what is shown, with its boxes burnt in, as a PNG in the picture's own size.
import { make, toast } from "./elements.js";
import { paintBoxes } from "./overlay.js";

export function savePicture(source, { width, height, detections, lanes, threshold, name }) {
  const canvas = make("canvas", { width, height });
  const pen = canvas.getContext("2d");
  pen.drawImage(source, 0, 0, width, height);
  // Lines and words keep their size on the screen, whatever the picture's own size is.
  const scale = Math.max(1, width / 960);
  pen.scale(scale, scale);
  const content = { x: 0, y: 0, w: width / scale, h: height / scale };
  paintBoxes(pen, detections, { width: content.w, content, lanes, threshold });
  try {
    canvas.toBlob((blob) => hand(blob, name), "image/png");
  } catch (error) {
    // Browsers keep pages from reading frames that come straight from a bucket.
    if (error.name !== "SecurityError") throw error;
    toast("Frames that come straight from the bucket can't be saved here.");
  }
}

function hand(blob, name) {
  const address = URL.createObjectURL(blob);
  const link = make("a", { href: address, download: `${name}.png` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
  toast("Saved with its boxes.");
}
