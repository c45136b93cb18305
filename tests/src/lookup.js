// Finds what a user of assistive technology finds: controls by role and accessible name, in the part of the page that
// can be reached now. Names follow the common steps of "Accessible Name and Description Computation 1.2"; a test compares
// them with what the browser itself computes.
const ROLES = {
  alert: '[role=alert]',
  button: 'button, input[type=button], input[type=submit], summary, [role=button]',
  checkbox: 'input[type=checkbox], [role=checkbox]',
  combobox: 'select:not([multiple]):not([size]), [role=combobox]',
  dialog: 'dialog, [role=dialog], [role=alertdialog]',
  heading: 'h1, h2, h3, h4, h5, h6, [role=heading]',
  img: 'img, svg[role=img], [role=img], [role=image]',
  link: 'a[href], [role=link]',
  list: 'ul, ol, menu, [role=list]',
  listitem: 'li, [role=listitem]',
  status: 'output, [role=status]',
  textbox: 'textarea, input:not([type]), input[type=text], input[type=url], input[type=email], input[type=tel], input[type=date], [role=textbox]',
};
function textOf(node) {
  if (node.nodeType === Node.TEXT_NODE) return node.data;
  if (node.nodeType !== Node.ELEMENT_NODE || node.getAttribute('aria-hidden') === 'true' || node.hidden) return '';
  const label = node.getAttribute('aria-label');
  if (label) return label;
  if (node.tagName === 'IMG') return node.alt;
  return Array.from(node.childNodes, textOf).join('');
}
// What is named by its id counts though it is hidden itself.
function referred(node) {
  return node.hidden ? Array.from(node.childNodes, textOf).join('') : textOf(node);
}
function nameOf(element) {
  const tidy = text => (text ?? '').replace(/\s+/g, ' ').trim();
  const by = element.getAttribute('aria-labelledby');
  if (by) {
    const name = tidy(by.split(/\s+/).map(id => document.getElementById(id)).filter(Boolean).map(referred).join(' '));
    if (name) return name;
  }
  const direct = tidy(element.getAttribute('aria-label'));
  if (direct) return direct;
  if (element.labels?.length) {
    const name = tidy(Array.from(element.labels, textOf).join(' '));
    if (name) return name;
  }
  if (element.tagName === 'IMG' && element.alt) return tidy(element.alt);
  if (element.tagName === 'svg') return tidy(element.querySelector(':scope > title')?.textContent);
  if (element.matches('input[type=button], input[type=submit]')) return tidy(element.value);
  if (element.matches('button, summary, a[href], h1, h2, h3, h4, h5, h6, [role=button], [role=link], [role=heading]')) {
    const name = tidy(textOf(element));
    if (name) return name;
  }
  return tidy(element.getAttribute('title')) || tidy(element.getAttribute('placeholder'));
}
function reachable(element) {
  if (!element.isConnected || element.closest('[inert], [aria-hidden=true]')) return false;
  if (!element.checkVisibility({ checkVisibilityCSS: true })) return false;
  const modals = document.querySelectorAll('dialog:modal, [aria-modal=true]');
  const top = Array.from(modals).filter(modal => modal.checkVisibility({ checkVisibilityCSS: true })).pop();
  return !top || top.contains(element) || element === top;
}
function lookup(role, name, root) {
  const all = Array.from((root ?? document).querySelectorAll(ROLES[role] ?? `[role="${role}"]`));
  const found = all.filter(element => {
    const given = element.getAttribute('role');
    return (!given || given === role || ROLES[role]?.includes(`[role=${given}]`)) && reachable(element)
      && (name === null || nameOf(element) === name);
  });
  // What the details of a task have as well as the list beside them is meant there: they have the keyboard.
  const inside = name === null ? [] : found.filter(element => element.closest('dialog'));
  return inside.length ? inside : found;
}
