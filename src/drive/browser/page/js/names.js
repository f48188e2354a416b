// What a person calls an element: accessible names (accname 1.2 §4.3, HTML-AAM §4.1), in the very order in which the http
// engine looks, and beyond it what only a browser has: slots, shadow hosts, roles that scripts give life to.

/** Longest name that is put together; enough to tell one element from another. */
const LONGEST_NAME = 400;

const NAMED_BY_CONTENT = new Set(
  "button link heading option tab menuitem checkbox radio switch menuitemcheckbox menuitemradio treeitem".split(" "),
);

function accessibleName(element) {
  return explicitName(element) || ownName(element) || oneLine(filled(element, "title") ?? "") || placeholder(element) || nearbyLabel(element);
}

/** Only what labels an element, neither title nor placeholder. */
function labelText(element) {
  return explicitName(element) || labelsText(element) || nearbyLabel(element);
}

/** accname steps 2B and 2D. A reference may lead to what is hidden, but not on through a second reference. */
function explicitName(element) {
  const ids = filled(element, "aria-labelledby");
  const referred = ids
    ? ids.split(/\s+/u).slice(0, 20).map((id) => byId(element, id)).filter(Boolean)
    : [...(element.ariaLabelledByElements ?? [])];
  const parts = referred.map((target) => {
    const label = filled(target, "aria-label");
    if (label) return label;
    return target === element ? "" : contentOf(target);
  });
  return oneLine(parts.join(" ")) || oneLine(filled(element, "aria-label") ?? "");
}

/** accname steps 2E to 2G: what an element's kind offers. */
function ownName(element) {
  switch (element.localName) {
    case "input": {
      const labelled = labelsText(element);
      const value = oneLine(element.value ?? "");
      if (element.type === "submit") return labelled || value || "Submit";
      if (element.type === "reset") return labelled || value || "Reset";
      if (element.type === "button") return labelled || value;
      if (element.type === "image") return labelled || oneLine(filled(element, "alt") ?? filled(element, "title") ?? "Submit");
      return labelled;
    }
    case "select": case "textarea": case "meter": case "output": case "progress":
      return labelsText(element);
    case "button":
      return labelsText(element) || contentOf(element);
    case "img": case "area":
      return oneLine(filled(element, "alt") ?? "");
    case "fieldset":
      return firstChildText(element, "legend");
    case "table":
      return firstChildText(element, "caption");
    case "a": case "summary": case "option": case "h1": case "h2": case "h3": case "h4": case "h5": case "h6":
      return contentOf(element);
    default:
      return NAMED_BY_CONTENT.has(keyword(element, "role")) ? contentOf(element) : "";
  }
}

function placeholder(element) {
  return oneLine(filled(element, "placeholder") ?? filled(element, "aria-placeholder") ?? "");
}

function firstChildText(element, name) {
  const child = [...element.children].find((inner) => inner.localName === name);
  return child ? contentOf(child) : "";
}

function labelsText(element) {
  return oneLine([...(element.labels ?? [])].map((label) => contentOf(label, element)).join(" "));
}

/**
 * A field that nothing labels by the letter, as components often leave it: the label of the custom element whose shadow
 * tree it stands in, or a `<label>` that labels nothing in the part of the page that has no other field.
 */
function nearbyLabel(element) {
  if (!isFieldKind(element)) return "";
  let alone = element;
  for (const up of ancestorsOf(element)) {
    if (elementsBelow(up).some((other) => other !== element && isFieldKind(other) && other.type !== "hidden")) break;
    alone = up;
    const host = up.shadowRoot ? hostLabel(up) : "";
    if (host) return host;
  }
  const orphan = elementsBelow(alone).find((inner) => inner.localName === "label" && !inner.control && isShown(inner));
  return orphan ? contentOf(orphan, element) : "";
}

function hostLabel(host) {
  const labels = [...host.getRootNode().querySelectorAll("label")];
  const label = labels.find((one) => (host.id && one.htmlFor === host.id) || one.control === host || (!one.htmlFor && one.contains(host)));
  return (label && contentOf(label, host)) || explicitName(host) || oneLine(filled(host, "label") ?? "");
}

const LEFT_OUT = new Set(["input", "select", "textarea", "script", "style", "template"]);

/**
 * Name from content (accname step 2F): text, the alternatives of images, nested `aria-label`s; neither hidden parts, unless
 * all of it is, nor the value of a control that stands in its own label. Text made by style sheets is not read.
 */
function contentOf(root, control) {
  const rootHidden = !root.checkVisibility({ visibilityProperty: true, checkVisibilityCSS: true }) && !isShown(root);
  let text = "";
  const read = (node) => {
    for (const child of childrenOf(node)) {
      if (text.length > LONGEST_NAME) return;
      if (child.nodeType === TEXT) {
        if (rootHidden || getComputedStyle(node).visibility === "visible") text += child.data;
      } else if (child.nodeType === ELEMENT) {
        readElement(child);
      }
    }
  };
  const readElement = (element) => {
    if (element === control || LEFT_OUT.has(element.localName) || keyword(element, "aria-hidden") === "true") return;
    if (!rootHidden && getComputedStyle(element).display === "none") return;
    const apart = isBlock(element) || ["br", "td", "th"].includes(element.localName);
    if (apart) text += " ";
    const alternative = element.localName === "img" ? element.getAttribute("alt") : filled(element, "aria-label");
    if (alternative === undefined || alternative === null) read(element);
    else text += alternative;
    if (apart) text += " ";
  };
  read(root);
  return oneLine(text);
}
