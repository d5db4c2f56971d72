// A table of which one row is picked. Rows are elements that stay, known by their ids: what comes and goes above one
// moves it, and a click on it is for it. Nothing moves while the mouse or a finger is down in the table.

const SLIP = 10; // pixels by which a click may slip; more is a drag

export default function (component) {
  return mount(
    component,
    (parent) => new RowTable(parent),
    (table, message) => {
      table.picked = (id) => component.setTriggerValue("picked", id);
      table.take(message);
    },
  );
}

class RowTable {
  constructor(parent) {
    this.root = element(`
      <div class="frame"><table><thead><tr></tr></thead><tbody></tbody></table></div>`);
    parent.appendChild(this.root);
    this.table = this.root.firstElementChild;
    [this.head, this.body] = [this.table.tHead.rows[0], this.table.tBodies[0]];
    this.rows = new Map();
    this.order = { column: null, down: false }; // as it is sent, until a column's head is clicked
    // By what was pressed, not by what is there when it is let go: the page above may grow or shrink in between, and the
    // table move from under the mouse.
    this.body.addEventListener("pointerdown", ({ target, button, clientX, clientY }) => {
      this.held = true;
      this.pressed = button ? null : { id: target.closest("tr")?.dataset.id, x: clientX, y: clientY };
    });
    this.body.addEventListener("click", ({ target, detail }) => {
      if (!detail) this.picked(target.closest("tr").dataset.id); // by the keyboard
    });
    this.release = ({ type, clientX, clientY }) => {
      const { id, x, y } = this.pressed ?? {};
      [this.held, this.pressed] = [false, null];
      if (id && type === "pointerup" && Math.hypot(clientX - x, clientY - y) < SLIP) this.picked(id);
      if (this.waiting) this.show(this.waiting);
    };
    for (const kind of ["pointerup", "pointercancel"]) addEventListener(kind, this.release);
  }

  take(message) {
    if (this.held) this.waiting = message;
    else this.show(message);
  }

  show(message) {
    this.waiting = null;
    this.message = message;
    if (this.table.getAttribute("aria-label") !== message.label) this.table.setAttribute("aria-label", message.label);
    this.showHead(message.columns);
    const rows = this.sorted(message.rows);
    const known = new Set(rows.map((row) => row.id));
    for (const [id, shown] of this.rows) {
      if (known.has(id)) continue;
      shown.remove();
      this.rows.delete(id);
    }
    rows.forEach((row, index) => {
      const shown = this.rows.get(row.id) ?? this.make(row, message.columns);
      if (this.body.rows[index] !== shown) this.body.insertBefore(shown, this.body.rows[index] ?? null);
      this.fill(shown, row, row.id === message.chosen);
    });
  }

  showHead(columns) {
    while (this.head.cells.length < columns.length) {
      const index = this.head.cells.length;
      const cell = element(`<table><tr><th scope="col"><button type="button"></button></th></tr></table>`).rows[0].cells[0];
      cell.firstElementChild.addEventListener("click", () => this.sort(index));
      this.head.appendChild(cell);
    }
    columns.forEach((column, index) => {
      const cell = this.head.cells[index];
      const sorted = this.order.column === index && (this.order.down ? "descending" : "ascending");
      text(cell.firstElementChild, column.title);
      cell.classList.toggle("numeric", column.numeric);
      if (sorted) cell.setAttribute("aria-sort", sorted);
      else cell.removeAttribute("aria-sort");
    });
  }

  // Up, down, and as it was sent.
  sort(index) {
    const { column, down } = this.order;
    if (column !== index) this.order = { column: index, down: false };
    else this.order = down ? { column: null, down: false } : { column, down: true };
    this.show(this.message);
  }

  sorted(rows) {
    const { column, down } = this.order;
    if (column === null) return rows;
    const value = (row) => row.cells[column].value;
    const compare = (a, b) => (typeof a === "string" ? a.localeCompare(b) : a - b);
    const [there, missing] = [rows.filter((row) => value(row) !== null), rows.filter((row) => value(row) === null)];
    there.sort((a, b) => (down ? -1 : 1) * compare(value(a), value(b)));
    return [...there, ...missing];
  }

  make(row, columns) {
    const shown = document.createElement("tr");
    shown.dataset.id = row.id;
    columns.forEach((column, index) => {
      const cell = document.createElement(index ? "td" : "th");
      if (!index) {
        cell.scope = "row";
        cell.appendChild(element(`<button type="button" class="name"></button>`));
      }
      cell.classList.toggle("numeric", column.numeric);
      shown.appendChild(cell);
    });
    this.rows.set(row.id, shown);
    return shown;
  }

  fill(shown, row, chosen) {
    shown.classList.toggle("chosen", chosen);
    if (chosen) shown.setAttribute("aria-current", "true");
    else shown.removeAttribute("aria-current");
    row.cells.forEach((cell, index) => {
      const place = shown.cells[index];
      text(index ? place : place.firstElementChild, cell.text);
      place.classList.toggle("bar", cell.share !== null);
      if (cell.share !== null) write(place, "--share", `${100 * cell.share}%`);
    });
  }

  leave() {
    for (const kind of ["pointerup", "pointercancel"]) removeEventListener(kind, this.release);
  }
}
