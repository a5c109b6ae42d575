// What the parts of the asset page share: which labels are on, the threshold, the hits.

const LANES = 8;

export class AssetState extends EventTarget {
  constructor(data) {
    super();
    this.duration = data.duration_ms;
    this.frame = data.frame_ms;
    this.storyboard = data.storyboard;
    this.detectionsUrl = data.detections_url;
    this.seenBy = data.seen_by;
    this.threshold = 0;
    this.labels = new Map(data.labels.map((label) => [label.name, label]));
  }

  get lit() {
    return [...this.labels.values()].filter((label) => label.lane > 0).sort((a, b) => a.lane - b.lane);
  }

  get lanes() {
    return new Map(this.lit.map((label) => [label.name, label.lane]));
  }

  // Every moment of the labels that are on, above the threshold, in the order of time.
  get hits() {
    const found = this.lit.flatMap((label) =>
      label.moments
        .filter(([, , confidence]) => confidence >= this.threshold)
        .map(([start, end]) => ({ start, end, label: label.name })),
    );
    return found.sort((a, b) => a.start - b.start || a.end - b.end);
  }

  // Gives false when all lanes are taken.
  toggle(name) {
    const label = this.labels.get(name);
    if (label.lane) {
      label.lane = 0;
    } else {
      const taken = new Set(this.lit.map((other) => other.lane));
      const free = Array.from({ length: LANES }, (_, i) => i + 1).find((lane) => !taken.has(lane));
      if (!free) return false;
      label.lane = free;
    }
    this.changed();
    return true;
  }

  setThreshold(value) {
    this.threshold = value;
    this.changed();
  }

  changed() {
    this.dispatchEvent(new Event("change"));
  }
}
