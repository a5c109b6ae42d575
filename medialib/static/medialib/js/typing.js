// Tells whether a key press belongs to a field or an open dialog, so that shortcuts stay out of it.

export function isTyping(event) {
  const target = event.target;
  if (target.isContentEditable || document.querySelector("dialog[open]")) return true;
  if (target.matches?.("textarea, select")) return true;
  return target.matches?.("input") && !["range", "checkbox", "radio", "button"].includes(target.type);
}
