// Sizes and lengths in words, as the templates print them.

export function size(bytes) {
  const units = [["GB", 1e9], ["MB", 1e6], ["kB", 1e3]];
  for (const [name, value] of units) if (bytes >= value) return `${(bytes / value).toFixed(1)} ${name}`;
  return `${bytes} byte${bytes === 1 ? "" : "s"}`;
}

export function span(seconds) {
  const total = Math.max(1, Math.round(seconds));
  if (total < 60) return `${total} s`;
  const minutes = Math.round(total / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
