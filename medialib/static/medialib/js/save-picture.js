// Saves what is shown, with its boxes burnt in, as a PNG in the picture's own size.
import { make, toast } from "./elements.js";
import { paintBoxes } from "./overlay.js";

// Gives false where the source came straight from a bucket: browsers keep pages from reading those.
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
    canvas.toBlob((blob) => hand(blob, `${name}.png`), "image/png");
    return true;
  } catch (error) {
    if (error.name !== "SecurityError") throw error;
    return false;
  }
}

export function hand(blob, filename) {
  const address = URL.createObjectURL(blob);
  const link = make("a", { href: address, download: filename });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
  toast("Saved with its boxes.");
}
