// Listens to what a person does with a page, and tells it in the words of a scenario.

const SECRET_FIELDS = /pass|secret|token|otp|one-time|pin\b|cvc|cvv|seed/iu;
const TEXT_TYPES = new Set(["text", "search", "tel", "url", "email", "password", "number", "date", "month", "week", "time", "datetime-local", "color", "range"]);
/** Keys that mean something beside the text that they write. */
const TOLD_KEYS = new Set(["Enter", "Escape"]);

function listen(tell) {
  // Fields that were changed since they were told of.
  const dirty = new Set();
  // Enter in a field presses a button by itself (HTML §4.10.21.2): one deed, not two.
  let enter = false;

  const told = (what) => tell(JSON.stringify({ ...what, url: location.href, framed: window !== window.top }));
  const tellField = (field) => {
    if (!dirty.delete(field)) return;
    const value = isControl(field) ? field.value : oneLine(renderedText(field));
    told({ did: "fill", locator: bestLocator(field, "field"), value, secret: isSecret(field), label: titleOf(field) });
  };
  const tellAll = () => [...dirty].forEach(tellField);
  const heard = (name, hear) =>
    addEventListener(name, (event) => {
      if (event.isTrusted) hear(event, event.composedPath().find((at) => at.nodeType === ELEMENT));
    }, { capture: true, passive: true });

  heard("input", (_, at) => {
    const field = at && [at, ...ancestorsOf(at)].find((up) => isTyped(up));
    if (field) dirty.add(field);
  });
  heard("change", (_, at) => {
    if (!at || !isControl(at)) return;
    if (isTickable(at)) {
      told({ did: "fill", locator: bestLocator(at, "field"), value: String(at.checked), secret: false, label: titleOf(at) });
    } else if (at.localName === "select") {
      const options = optionsOf(at).filter(({ option }) => option.selected).map(({ label, value }) => label || value);
      told({ did: "select", locator: bestLocator(at, "field"), value: options[0] ?? "", secret: false, label: titleOf(at) });
    } else {
      tellField(at);
    }
  });
  heard("keydown", (event, at) => {
    if (!TOLD_KEYS.has(event.key) || !at || event.isComposing) return;
    const field = isTyped(at) && at.localName !== "textarea" && !isEditingHost(at);
    if (event.key === "Enter" && !field) return;
    tellAll();
    enter = event.key === "Enter";
    told({ did: "press", key: event.key });
  });
  heard("keyup", () => { enter = false; });
  heard("click", (event, at) => {
    if (!at || (enter && event.detail === 0)) return;
    tellAll();
    const path = [at, ...ancestorsOf(at)];
    const pressed = path.find((up) => isNativePressable(up) || isScriptedPressable(up)) ?? path.find((up) => getComputedStyle(up).cursor === "pointer");
    const label = path.find((up) => up.localName === "label" && up.control);
    // What a press ticks, opens or gives the focus to is told by its change.
    if (!pressed || isTickable(pressed) || (label && label.control !== pressed) || path.some((up) => isTyped(up) || up.localName === "select")) return;
    told({ did: "click", locator: bestLocator(pressed, "pressable"), label: accessibleName(pressed) });
  });
  addEventListener("pagehide", tellAll, true);
}

const isTyped = (element) =>
  element.localName === "textarea" || (element.localName === "input" && TEXT_TYPES.has(element.type)) || isEditingHost(element);

function isSecret(field) {
  if (field.type === "password") return true;
  return ["autocomplete", "name", "id"].some((name) => SECRET_FIELDS.test(field.getAttribute(name) ?? ""));
}

/** The shortest way to name an element that leads to it alone. */
function bestLocator(element, wanted) {
  const name = accessibleName(element);
  const control = isControl(element) ? element.getAttribute("name") : undefined;
  const id = filled(element, "id");
  const testId = filled(element, "data-testid");
  const shown = oneLine(renderedText(element));
  const ways = [
    name && name.length <= 80 && !/^(label|text|css|testid|name)=/u.test(name) && ["name", name, name],
    testId && ["testid", testId, `testid=${testId}`],
    control && ["controlname", control, `name=${control}`],
    wanted === "pressable" && shown && shown.length <= 80 && ["text", shown, `text=${shown}`],
    id && ["css", `#${CSS.escape(id)}`, `css=#${CSS.escape(id)}`],
  ];
  for (const [kind, needle, written] of ways.filter(Boolean)) {
    const found = asOne(findAll({ kind, needle }, wanted).found);
    if (found.length === 1 && (found[0] === element || destinationOf(element) !== undefined && destinationOf(found[0]) === destinationOf(element))) return written;
  }
  return `css=${pathOf(element)}`;
}

/** A path of selectors from the nearest id; through shadow roots, which `css=` pierces. */
function pathOf(element) {
  const steps = [];
  for (const at of [element, ...ancestorsOf(element)]) {
    const id = filled(at, "id");
    if (id) return [`#${CSS.escape(id)}`, ...steps].join(" ");
    const same = at.parentNode ? [...at.parentNode.children].filter((other) => other.localName === at.localName) : [at];
    steps.unshift(same.length > 1 ? `${at.localName}:nth-of-type(${same.indexOf(at) + 1})` : at.localName);
  }
  return steps.join(" ");
}
