// The editor of one layer, and the fields of which it and the toolbar are made. All hyperparameters come from Python's schema.

// A control for one field: {element, show(value, invalid)}. `change(value, done)` is called while and after editing.
function fieldControl(field, id, change) {
  const make = { number: numberControl, choice: choiceControl, flag: flagControl }[field.type];
  const control = make(field, id, change);
  control.element.classList.add("field", `field-${field.type}`);
  return control;
}

function label(field, id) {
  const help = field.help ? ` title="${escapeHtml(field.help)}"` : "";
  return `<label for="${id}"${help}>${escapeHtml(capital(field.label))}</label>`;
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function numberControl(field, id, change) {
  const name = escapeHtml(field.name);
  const made = element(`
    <div>
      ${label(field, id)}
      <div class="number">
        <input type="range" min="0" max="${SLIDER_STEPS}" step="1" tabindex="0" data-testid="slider-${name}"
          aria-label="${escapeHtml(capital(field.label))}, slider">
        <input type="text" inputmode="${field.whole ? "numeric" : "decimal"}" id="${id}" data-testid="field-${name}" autocomplete="off">
      </div>
      <span class="help">${escapeHtml(field.help)}</span>
    </div>`);
  const [slider, box] = made.querySelectorAll("input");
  let value = null;
  slider.addEventListener("input", () => change(sliderValue(field, Number(slider.value))));
  slider.addEventListener("keydown", (event) => {
    const direction = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    if (!direction || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    change(nudged(field, value, direction));
  });
  box.addEventListener("input", () => change(numberOrText(box.value)));
  box.addEventListener("keydown", (event) => {
    const direction = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (!direction || event.altKey) return;
    event.preventDefault();
    change(nudged(field, value, direction));
  });
  return {
    element: made,
    focus() {
      box.focus();
      box.select();
    },
    show(now, invalid) {
      value = now;
      const position = Math.round(sliderPosition(field, now));
      if (Number(slider.value) !== position && sliderValue(field, Number(slider.value)) !== now) slider.value = position;
      slider.style.setProperty("--share", `${position / 10}%`);
      slider.setAttribute("aria-valuetext", String(now));
      if (String(numberOrText(box.value)) !== String(now)) box.value = String(now);
      box.setAttribute("aria-invalid", String(invalid));
    },
  };
}

// One step of the keyboard: 1 for whole numbers, a nice step else.
function nudged(field, value, direction) {
  const step = field.whole ? 1 : niceStep(field.high - field.low) * (field.log ? 0.1 : 1);
  return roundTo((Number(value) || 0) + direction * step, step, field.low, field.high);
}

// What is no number stays as it was typed, for Python to say what is wrong with it.
function numberOrText(text) {
  const trimmed = text.trim().replace(",", ".");
  return trimmed !== "" && Number.isFinite(Number(trimmed)) ? Number(trimmed) : text;
}

function choiceControl(field, id, change) {
  const options = field.options.map(([name, title]) => `<option value="${escapeHtml(name)}">${escapeHtml(title)}</option>`);
  const made = element(`
    <div>
      ${label(field, id)}
      <select id="${id}" data-testid="field-${escapeHtml(field.name)}">${options.join("")}</select>
      <span class="help">${escapeHtml(field.help)}</span>
    </div>`);
  const select = made.querySelector("select");
  select.addEventListener("change", () => change(select.value));
  return {
    element: made,
    focus: () => select.focus(),
    show(value, invalid) {
      if (select.value !== value) select.value = value;
      select.setAttribute("aria-invalid", String(invalid));
    },
  };
}

function flagControl(field, id, change) {
  const made = element(`
    <div><input type="checkbox" id="${id}" data-testid="field-${escapeHtml(field.name)}">${label(field, id)}
    <span class="help">${escapeHtml(field.help)}</span></div>`);
  const box = made.querySelector("input");
  box.addEventListener("change", () => change(box.checked));
  return {
    element: made,
    focus: () => box.focus(),
    show(value) {
      box.checked = value === true;
    },
  };
}

// --- the panel -------------------------------------------------------------------------------------------------------

const PANEL_ACTIONS = [
  ["move-left", "left", "Move left", "Alt+←"],
  ["move-right", "right", "Move right", "Alt+→"],
  ["duplicate", "copy", "Duplicate", "Ctrl+D"],
  ["remove", "remove", "Remove", "Delete"],
  ["close-panel", "close", "Close", "Esc"],
];

// {element, show(node, problem), focus()} for one node; `act(name)` runs an action, `change(field, value)` an edit.
function layerPanel(node, kind, curves, act, change) {
  const made = element(`
    <section class="panel" data-testid="panel" aria-label="${escapeHtml(node.title)}">
      <header><h2></h2><span class="name"></span><span class="actions"></span></header>
      <div class="columns">
        <div class="fields"></div>
        <div class="idea"><p class="formula" data-testid="formula"></p><p class="sizes" data-testid="sizes"></p>
        <div class="curve"></div><p class="about"></p></div>
      </div>
    </section>`);
  const find = (selector) => made.querySelector(selector);
  const fixed = node.role !== "layer";
  for (const [name, picture, title, keys] of PANEL_ACTIONS.filter(([name]) => !fixed || name === "close-panel")) {
    const button = element(`
      <button type="button" class="tool" data-testid="${name}" aria-label="${title}" title="${title} (${keys})">${icon(picture)}</button>`);
    button.addEventListener("click", () => act(name));
    find(".actions").append(button);
  }
  const controls = (fixed ? [] : kind.fields).map((field) => {
    const control = fieldControl(field, `edit-${field.name}`, (value) => change(field.name, value));
    find(".fields").append(control.element);
    return { field, control };
  });
  find(".fields").hidden = controls.length === 0;
  return {
    element: made,
    id: node.id,
    focus: () => (controls.length ? controls[0].control.focus() : find(".tool").focus()),
    show(now) {
      setContent(find("h2"), escapeHtml(now.title));
      setContent(find(".name"), escapeHtml(now.name || ""));
      setContent(find(".formula"), formulaMarkup(now.formula || ""));
      setContent(find(".sizes"), escapeHtml(now.sizes || ""));
      setContent(find(".about"), escapeHtml(now.help));
      setContent(find(".curve"), curveMarkup(curves[now.layer && now.layer.activation]));
      find("[data-testid=move-left]")?.toggleAttribute("disabled", now.index === 0);
      find("[data-testid=move-right]")?.toggleAttribute("disabled", now.last);
      for (const { field, control } of controls) control.show(now.layer[field.name], isAbout(now.problem, field));
    },
  };
}

function isAbout(problem, field) {
  return Boolean(problem) && problem.toLowerCase().startsWith(`${field.label.toLowerCase()} `);
}

// Single letters of a formula in italics, as mathematics has them.
function formulaMarkup(text) {
  return escapeHtml(text).replace(/(^|[^\p{L}])([Wxyb])(?![\p{L}])/gu, "$1<i>$2</i>");
}

function curveMarkup(values) {
  if (!values) return "";
  const [width, height, reach] = [96, 62, 3];
  const x = (at) => 4 + ((width - 8) * at) / (values.length - 1);
  const low = Math.min(-1.2, ...values.map((value) => Math.max(value, -1.6)));
  const high = Math.max(1.2, Math.min(2.2, Math.max(...values)));
  const y = (value) => 4 + (height - 8) * (1 - (value - low) / (high - low));
  const inside = values.map((value, at) => [at, value]).filter(([, value]) => value >= low && value <= high);
  const line = inside.map(([at, value], n) => `${n ? "L" : "M"}${x(at).toFixed(1)},${y(value).toFixed(1)}`).join("");
  const middle = x((values.length - 1) / 2);
  return `<svg width="${width}" height="${height}" role="img" aria-label="The activation from −${reach} to ${reach}">
    <path class="axis" d="M4,${y(0)}H${width - 4}M${middle},4V${height - 4}"/><path class="graph" d="${line}"/></svg>`;
}

// --- the menu of kinds -----------------------------------------------------------------------------------------------

function kindMenu(kinds, choose) {
  const items = Object.entries(kinds).map(
    ([kind, { title, help }]) => `
      <button type="button" role="menuitem" data-kind="${escapeHtml(kind)}" data-testid="insert-kind-${escapeHtml(kind)}">
        <b>${escapeHtml(title)}</b><span>${escapeHtml(help)}</span></button>`,
  );
  const menu = element(`<div class="menu" popover="auto" role="menu" aria-label="Kind of layer" data-testid="insert-menu">${items.join("")}</div>`);
  menu.addEventListener("click", (event) => {
    const item = event.target.closest("[data-kind]");
    if (!item) return;
    menu.hidePopover();
    choose(item.dataset.kind, event.detail === 0);
  });
  menu.addEventListener("keydown", (event) => {
    const direction = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!direction) return;
    event.preventDefault();
    event.stopPropagation();
    const all = [...menu.querySelectorAll("[data-kind]")];
    const now = all.indexOf(menu.getRootNode().activeElement);
    all[(now + direction + all.length) % all.length].focus();
  });
  return menu;
}

// Beside the button that asked for it, inside the window.
function openMenu(menu, button) {
  menu.showPopover();
  const from = button.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = menu;
  const left = Math.min(window.innerWidth - width - 8, Math.max(8, from.left + from.width / 2 - width / 2));
  const below = from.bottom + 6;
  const top = below + height <= window.innerHeight - 8 ? below : Math.max(8, window.innerHeight - height - 8);
  menu.style.left = `${left}px`;
  menu.style.top = `${top}px`;
  menu.querySelector("[data-kind]").focus();
}
