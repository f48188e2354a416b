// Form controls and what is like them: which is a field, which is pressed, what a message calls it.

const PRESSED_TYPES = new Set(["submit", "image", "reset", "button"]);
const TICKED_TYPES = new Set(["checkbox", "radio"]);
const TICKED_ROLES = new Set(["checkbox", "radio", "switch", "menuitemcheckbox", "menuitemradio"]);
const TYPED_ROLES = new Set(["textbox", "searchbox", "combobox", "spinbutton"]);
const PRESSED_ROLES = new Set(["menuitem", "tab", "option", "treeitem", ...TICKED_ROLES]);

const isControl = (element) => ["input", "select", "textarea", "button"].includes(element.localName);
const isButton = (element) => element.localName === "button" || (element.localName === "input" && PRESSED_TYPES.has(element.type));
const isTickable = (element) => element.localName === "input" && TICKED_TYPES.has(element.type);
const isTickedByRole = (element) => !isControl(element) && TICKED_ROLES.has(keyword(element, "role"));
const isEditingHost = (element) =>
  element.isContentEditable === true && !(parentOf(element)?.isContentEditable === true);

/** What both engines take for a field. */
const isNativeField = (element) => isControl(element) && !isButton(element);
/** What only scripts make a field of. */
const isScriptedField = (element) => !isControl(element) && (isEditingHost(element) || isTickedByRole(element) || TYPED_ROLES.has(keyword(element, "role")));
const isFieldKind = (element) => isNativeField(element) || isScriptedField(element);

/** What both engines take for something to press. */
const isNativePressable = (element) =>
  isButton(element) ||
  isTickable(element) ||
  (element.localName === "a" && element.hasAttribute("href")) ||
  ["button", "link"].includes(keyword(element, "role"));
const isScriptedPressable = (element) =>
  (element.localName === "summary" && element.parentNode?.localName === "details") || PRESSED_ROLES.has(keyword(element, "role"));

/**
 * Whether a person can get at a control. Ticks and file fields are often hidden behind a label that is styled to look like
 * them; who presses the label presses them.
 */
function isReachable(element) {
  if (isShown(element)) return true;
  return (isTickable(element) || element.type === "file") && shownLabel(element) !== undefined;
}

function shownLabel(element) {
  return [...(element.labels ?? [])].find(isShown);
}

function isWanted(element, wanted, scripted) {
  const fits = {
    field: () => (scripted ? isScriptedField(element) : isNativeField(element)),
    pressable: () => (scripted ? isScriptedPressable(element) : isNativePressable(element)),
    element: () => true,
  }[wanted];
  return fits() && isReachable(element);
}

function nounOf(element) {
  if (element.localName === "select") return "list";
  const type = element.localName === "textarea" ? "" : element.type;
  switch (type) {
    case "hidden": return "hidden field";
    case "checkbox": return "checkbox";
    case "radio": return "radio button";
    case "file": return "file field";
    case "submit": case "image": return "submit button";
    case "reset": return "reset button";
    case "button": return "button";
    default: return isButton(element) ? "button" : "field";
  }
}

/** What a message calls a control and a locator finds it by: its accessible name, else its form control name. */
function titleOf(element) {
  const name = accessibleName(element);
  if (name) return name;
  const own = element.getAttribute("name");
  return own ? `name=${own}` : `unnamed ${nounOf(element)}`;
}

/** An element in the words of a message: what it is, its name, and what tells it from others. */
function describe(element) {
  if (isControl(element)) {
    const id = filled(element, "id");
    const name = element.getAttribute("name");
    const distinction = id ? ` (css=#${id})` : name && accessibleName(element) ? ` (name=${name})` : "";
    return cut(`${nounOf(element)} ${titleOf(element)}${distinction}`, 200);
  }
  const name = accessibleName(element);
  if (element.localName === "a") return cut(`link ${name} to ${(element.getAttribute("href") ?? "").trim()}`, 200);
  return cut(`<${element.localName}> ${name}`.trimEnd(), 200);
}

const sameGroup = (one, other) =>
  one.type === "radio" && other.type === "radio" && one.form === other.form && one.name !== "" && one.name === other.name;
