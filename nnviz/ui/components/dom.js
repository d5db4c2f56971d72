// Before the script of each component: what all of them do to the document.

// An element made of a template of our own, the only place where markup is parsed; what comes from people is set as text.
function element(markup) {
  const template = document.createElement("template");
  template.innerHTML = markup.trim();
  return template.content.firstElementChild;
}

// These two touch only what differs: no flicker, and nothing to lay out anew.
function text(target, words) {
  if (target.textContent !== words) target.textContent = words;
}

function write(target, property, value) {
  if (target.style.getPropertyValue(property) !== String(value)) target.style.setProperty(property, value);
}

function make(tag, className, parent) {
  const made = document.createElement(tag);
  made.className = className;
  parent?.appendChild(made);
  return made;
}

function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}

// Whether the page is on its dark theme, by the colour it stands on.
function isDark(parent) {
  const host = parent.host ?? parent;
  const [r, g, b] = channels(getComputedStyle(host).getPropertyValue("--st-background-color").trim());
  return 0.2126 * r + 0.7152 * g + 0.0722 * b < 128;
}

// "#rrggbb" or "rgb(…)" to three numbers; white if it is neither.
function channels(colour) {
  const hex = /^#([0-9a-f]{6})/i.exec(colour);
  if (hex) return [0, 2, 4].map((at) => parseInt(hex[1].slice(at, at + 2), 16));
  return (colour.startsWith("rgb") && colour.match(/\d+/g)?.slice(0, 3).map(Number)) || [255, 255, 255];
}
