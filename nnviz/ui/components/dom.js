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
