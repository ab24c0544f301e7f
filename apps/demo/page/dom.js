/** Helpers to find and create elements. */

/**
 * @template {HTMLElement | SVGElement} Kind
 * @param {string} id
 * @param {new () => Kind} kind
 * @returns {Kind}
 */
export function byId(id, kind) {
  const found = document.getElementById(id);
  if (found instanceof kind) return found;
  throw new Error(`the page has no ${kind.name} #${id}`);
}

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {{ readonly className?: string, readonly text?: string }} [properties]
 * @param {readonly (Node | string)[]} [children]
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(tag, { className, text } = {}, children = []) {
  const element = document.createElement(tag);
  if (className !== undefined) element.className = className;
  if (text !== undefined) element.textContent = text;
  element.append(...children);
  return element;
}

/**
 * Text in which `backticks` mark code.
 *
 * @param {string} text
 * @returns {(Node | string)[]}
 */
export function rich(text) {
  return text.split("`").map((part, index) => (index % 2 === 1 ? make("code", { text: part }) : part));
}
