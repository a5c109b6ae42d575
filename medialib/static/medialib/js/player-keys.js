// The keys of the asset page; they stay out of fields, dialogs and what a focused control does.
import { isTyping } from "./typing.js";

export function bindKeys(view) {
  const player = view.player;
  const by = (ms) => player.seek(player.now + ms);
  const keys = {
    " ": () => view.act("toggle"),
    k: () => view.act("toggle"),
    n: () => view.act("next"),
    p: () => view.act("previous"),
    j: () => by(-10_000),
    l: () => by(10_000),
    ArrowLeft: () => by(-5_000),
    ArrowRight: () => by(5_000),
    ",": () => player.step(-1),
    ".": () => player.step(1),
    b: () => view.act("boxes"),
    s: () => view.act("save"),
    c: () => view.act("link"),
    g: () => view.act("sheet"),
    f: () => view.act("fullscreen"),
    m: () => {
      player.video.muted = !player.video.muted;
    },
    "?": () => view.act("help"),
  };
  document.addEventListener("keydown", (event) => {
    const action = keys[event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.defaultPrevented || isTyping(event) || belongsToControl(event)) return;
    event.preventDefault();
    action();
  });
}

function belongsToControl(event) {
  if (event.key === " ") return event.target.matches("button, summary, a, select");
  if (event.key.startsWith("Arrow")) return event.target.matches("input, [role=tab], [role=region]");
  return false;
}
