// The page as it is rendered: the flat tree (CSS Scoping §4), where a shadow tree stands in place of its host's children
// and slotted nodes stand in their slots. Closed shadow roots cannot be looked into.

const TEXT = Node.TEXT_NODE;
const ELEMENT = Node.ELEMENT_NODE;

/** Most nodes that are looked at: a hostile page is not walked for ever. */
const MOST_NODES = 100_000;

function childrenOf(node) {
  if (node.shadowRoot) return node.shadowRoot.childNodes;
  if (node.localName === "slot" && typeof node.assignedNodes === "function") {
    const assigned = node.assignedNodes();
    if (assigned.length > 0) return assigned;
  }
  return node.childNodes;
}

function parentOf(node) {
  if (node.assignedSlot) return node.assignedSlot;
  const parent = node.parentNode;
  return parent instanceof ShadowRoot ? parent.host : parent;
}

/** The elements that contain a node, nearest first, the node itself not among them. */
function* ancestorsOf(node) {
  for (let up = parentOf(node); up && up.nodeType === ELEMENT; up = parentOf(up)) yield up;
}

function isWithin(inner, outer) {
  for (let node = inner; node; node = parentOf(node)) if (node === outer) return true;
  return false;
}

/** Every element below a node, in the order in which a reader meets them. */
function elementsBelow(root) {
  const found = [];
  const open = [root];
  while (open.length > 0 && found.length < MOST_NODES) {
    const node = open.pop();
    if (node.nodeType === ELEMENT) found.push(node);
    const children = childrenOf(node);
    for (let at = children.length - 1; at >= 0; at -= 1) {
      if (children[at].nodeType === ELEMENT) open.push(children[at]);
    }
  }
  return found;
}

/** The document and every open shadow root in it. */
function rootsOf(elements) {
  return [document, ...elements.filter((element) => element.shadowRoot).map((element) => element.shadowRoot)];
}

/** The element that an id refers to from where another one stands: ids do not reach through shadow roots. */
function byId(from, id) {
  const root = from.getRootNode();
  return typeof root.getElementById === "function" ? root.getElementById(id) : null;
}

const oneLine = (text) => text.replace(/\s+/gu, " ").trim();
const keyword = (element, name) => (element.getAttribute(name) ?? "").trim().toLowerCase();
/** An attribute without surrounding white space, or nothing when nothing is left of it. */
const filled = (element, name) => (element.getAttribute(name) ?? "").trim() || undefined;
const cut = (text, most) => (text.length > most ? `${text.slice(0, most)}…` : text);

// --- What shows ---

function hasBox(element) {
  return [...element.getClientRects()].some((box) => box.width > 0 && box.height > 0);
}

/** Whether a person gets to see an element: it is rendered, not `visibility: hidden`, and it or something in it has a size. */
function isShown(element) {
  if (element.localName === "option" || element.localName === "optgroup") {
    // The options of a closed list have no boxes, but whoever opens the list sees them.
    const list = element.closest("select");
    return list !== null && !element.hidden && getComputedStyle(element).display !== "none" && isShown(list);
  }
  // `display: contents` has no box of its own, which `checkVisibility` calls invisible.
  if (!element.checkVisibility({ visibilityProperty: true, checkVisibilityCSS: true })) {
    return getComputedStyle(element).display === "contents" && someChildShown(element);
  }
  return hasBox(element) || someChildShown(element);
}

function someChildShown(element) {
  for (const child of childrenOf(element)) {
    if (child.nodeType === ELEMENT && isShown(child)) return true;
    if (child.nodeType === TEXT && getComputedStyle(element).display === "contents" && child.data.trim() !== "") return true;
  }
  return false;
}

/** Which element hides another, and how; for messages. */
function whyHidden(element) {
  for (const at of [element, ...ancestorsOf(element)]) {
    const style = getComputedStyle(at);
    const by = (what) => (at === element ? what : `${what} of ${tagOf(at)}`);
    if (style.display === "none") return by(at.hidden ? "`hidden`" : "`display: none`");
    if (at.localName === "details" && !at.open && at !== element) return "a closed `<details>`; click its summary first";
    if (style.contentVisibility === "hidden") return by("`content-visibility: hidden`");
  }
  if (getComputedStyle(element).visibility !== "visible") return "`visibility: hidden`";
  return hasBox(element) ? "a part of the page that does not show" : "having no size";
}

/** `<div id="x" class="y">`, as far as it tells an element from others. */
function tagOf(element) {
  const attributes = ["id", "class", "role", "name"].filter((name) => filled(element, name));
  const written = attributes.map((name) => ` ${name}="${cut(oneLine(filled(element, name)), 60)}"`).join("");
  return `<${element.localName}${written}>`;
}

// --- Lines and blocks ---

const BLOCKS = new Set(
  ("address article aside blockquote body center dd details dialog dir div dl dt fieldset figcaption figure footer form " +
    "h1 h2 h3 h4 h5 h6 header hgroup hr html legend li listing main menu nav ol optgroup option p plaintext pre search " +
    "section summary table caption tbody thead tfoot tr ul xmp select").split(" "),
);

/** Whether an element begins and ends a line, by its kind or by style. */
function isBlock(element) {
  if (BLOCKS.has(element.localName)) return true;
  const display = getComputedStyle(element).display;
  return !display.startsWith("inline") && !display.startsWith("ruby") && display !== "contents" && display !== "none";
}
