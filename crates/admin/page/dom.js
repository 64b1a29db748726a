// The little that is needed to keep a document up to date without making it anew.

export const at = (id) => document.getElementById(id);

/// An element with classes, attributes and children. Text is text: nothing is ever read as markup.
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

export function svg(tag, attributes = {}) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  set(node, attributes);
  return node;
}

export function set(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    const text = String(value);
    if (node.getAttribute(name) !== text) node.setAttribute(name, text);
  }
}

export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/// Says a number, and keeps it for whoever reads the page by program.
export function figure(node, value, text) {
  say(node, text);
  if (value === null || value === undefined) delete node.dataset.value;
  else node.dataset.value = String(value);
}

const made = new WeakMap();

/// Gives `parent` one child for each of `items`, in their order: made once, then only updated.
export function keyed(parent, items, keyOf, make, update) {
  const before = made.get(parent) ?? new Map();
  const after = new Map();
  let next = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    const parts = before.get(key) ?? make(item);
    before.delete(key);
    after.set(key, parts);
    if (parts.node === next) next = next.nextElementSibling;
    else parent.insertBefore(parts.node, next);
    update(parts, item);
  }
  for (const gone of before.values()) gone.node.remove();
  made.set(parent, after);
  return after;
}

/// The row of a table, its first cell a heading; columns named `n:` hold numbers.
export function row(...columns) {
  const cells = columns.map((column, place) => {
    const cell = el(place === 0 ? "th" : "td");
    if (place === 0) cell.scope = "row";
    if (column.startsWith("n:")) cell.className = "n";
    return cell;
  });
  const names = columns.map((column) => column.replace(/^n:/, ""));
  const parts = { node: el("tr", {}, ...cells) };
  names.forEach((name, place) => { parts[name] = cells[place]; });
  return parts;
}
