// Times in words and in addresses. Milliseconds everywhere; only fragments are in seconds.

export function clock(ms) {
  const total = Math.max(0, Math.floor(ms / 1000));
  const seconds = String(total % 60).padStart(2, "0");
  const minutes = Math.floor(total / 60) % 60;
  const hours = Math.floor(total / 3600);
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${seconds}` : `${minutes}:${seconds}`;
}

export function seconds(ms) {
  return String(Math.round(ms) / 1000);
}

// Reads "#t=12.4,15" and "#t=1:02:03" (W3C media fragments); null where there is no time.
export function fragmentStart(hash) {
  const found = /(?:^#|&)t=(?:npt:)?([0-9:.]+)/.exec(hash);
  if (!found) return null;
  const parts = found[1].split(":").map(Number);
  if (parts.length > 3 || parts.some(Number.isNaN)) return null;
  return Math.round(parts.reduce((total, part) => total * 60 + part, 0) * 1000);
}
