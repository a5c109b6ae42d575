// Files out of what was dropped or chosen: folders are walked through, and only what could be a
// photo or a video is taken from them.

const NAMES = /\.(3gp|avi|avif|bmp|flv|gif|heic|heif|jpe?g|m2ts|m4v|mkv|mov|mp4|mpe?g|mts|ogv|png|tiff?|ts|vob|webm|webp|wmv)$/i;

function couldBeMedia(file) {
  return /^(image|video)\//.test(file.type) || NAMES.test(file.name);
}

// Of a folder: what could be media, and how many other files were left out.
export function sift(files) {
  const taken = [...files].filter((file) => couldBeMedia(file) && !file.name.startsWith("."));
  return { files: taken, left: files.length - taken.length };
}

// Files that were dropped by themselves are all taken: the library says what is wrong with one.
export async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.some((entry) => entry.isDirectory)) return { files: [...transfer.files], left: 0 };
  const alone = await Promise.all(entries.filter((entry) => entry.isFile).map(fileOf));
  const inside = [];
  for (const folder of entries.filter((entry) => entry.isDirectory)) await walk(folder, inside);
  const sifted = sift(inside);
  return { files: [...alone, ...sifted.files], left: sifted.left };
}

async function walk(folder, files) {
  const reader = folder.createReader();
  // A reader gives a hundred entries at a time, and nothing once all were given.
  for (let some = await read(reader); some.length; some = await read(reader)) {
    for (const entry of some) {
      if (entry.isDirectory) await walk(entry, files);
      else files.push(await fileOf(entry));
    }
  }
}

function read(reader) {
  return new Promise((resolve, reject) => reader.readEntries(resolve, reject));
}

function fileOf(entry) {
  return new Promise((resolve, reject) => entry.file(resolve, reject));
}
