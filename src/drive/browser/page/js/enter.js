// What a person does to an element, done by script: the events of a real pointer and keyboard, in their order.

function pointerEvents(hit, point) {
  const init = (more) => ({
    bubbles: true, cancelable: true, composed: true, view: window, detail: 1, button: 0,
    clientX: point.x, clientY: point.y, screenX: point.x + (window.screenX || 0), screenY: point.y + (window.screenY || 0), ...more,
  });
  const pointer = { pointerId: 1, pointerType: "mouse", isPrimary: true };
  const send = (Type, name, more) => hit.dispatchEvent(new Type(name, init(more)));
  return { init, pointer, send };
}

/** Presses what is at a point (UI Events §3.5.1, Pointer Events §5.1). */
function pressAt(hit, point) {
  const { pointer, send } = pointerEvents(hit, point);
  send(PointerEvent, "pointerover", { ...pointer, button: -1, detail: 0 });
  send(MouseEvent, "mouseover", { detail: 0 });
  send(PointerEvent, "pointermove", { ...pointer, button: -1, detail: 0 });
  send(MouseEvent, "mousemove", { detail: 0 });
  const taken = !send(PointerEvent, "pointerdown", { ...pointer, buttons: 1, pressure: 0.5, detail: 0 });
  if (taken || send(MouseEvent, "mousedown", { buttons: 1 })) focusFrom(hit);
  send(PointerEvent, "pointerup", { ...pointer, detail: 0 });
  if (!taken) send(MouseEvent, "mouseup", {});
  // A press whose target went away in between is no click.
  if (hit.isConnected) send(PointerEvent, "click", pointer);
}

/** A press moves the focus to the nearest element that takes it (HTML §6.6.2). */
function focusFrom(hit) {
  for (const at of [hit, ...ancestorsOf(hit)]) {
    if (at.localName === "label" && at.control) return;
    if (typeof at.focus !== "function") continue;
    at.focus({ preventScroll: true });
    const root = at.getRootNode();
    if (root.activeElement === at || at.shadowRoot?.activeElement) return;
  }
  document.activeElement?.blur?.();
}

const input = (element, data, inputType) =>
  element.dispatchEvent(new InputEvent("input", { bubbles: true, composed: true, data, inputType }));
const changed = (element) => element.dispatchEvent(new Event("change", { bubbles: true }));

/** Why a field does not take a text, in the program's words, or nothing. The text itself stays out of it. */
function refusal(element, text) {
  const title = titleOf(element);
  if (element.localName === "select") return { code: "wrong-kind", title, is: "list", hint: "select" };
  if (isTickable(element) || isTickedByRole(element)) {
    return text === "true" || text === "false" ? undefined : { code: "wrong-kind", title, is: element.type === "radio" ? "radio button" : "checkbox", hint: "tick" };
  }
  if (isButton(element)) return { code: "wrong-kind", title, is: nounOf(element), hint: "click" };
  if (!isControl(element)) return isEditingHost(element) || isEditingHost(editableWithin(element) ?? element) ? undefined : { code: "wrong-kind", title, is: "part of the page", hint: "none" };
  if (element.type === "file") return undefined;
  const probe = element.cloneNode(false);
  probe.value = text;
  if (text !== "" && probe.value === "" && element.localName === "input") return { code: "bad-value", title, type: element.type };
  if (["range", "color"].includes(element.type) && probe.value.toLowerCase() !== text.toLowerCase()) return { code: "bad-value", title, type: element.type };
  const limit = element.maxLength;
  if (limit >= 0 && probe.value.length > limit) return { code: "too-long", title, length: probe.value.length, limit };
  return undefined;
}

/** The part of a scripted field that takes text. */
function editableWithin(element) {
  return [element, ...elementsBelow(element)].find((inner) => isEditingHost(inner) || (isNativeField(inner) && !isTickable(inner) && inner.localName !== "select"));
}

/**
 * Puts a text into a field in place of what it held. The setter is the browser's own, not one that a framework put over it
 * to hear of its own changes, so that the framework takes the change for a person's.
 */
function fillField(element, text) {
  const field = isControl(element) ? element : editableWithin(element);
  field.focus({ preventScroll: true });
  if (!isControl(field)) {
    getSelection().selectAllChildren(field);
    const done = text === "" ? document.execCommand("delete") : document.execCommand("insertText", false, text);
    if (!done) {
      field.textContent = text;
      input(field, text, "insertText");
    }
    return;
  }
  const before = field.value;
  field.dispatchEvent(new InputEvent("beforeinput", { bubbles: true, composed: true, cancelable: true, data: text, inputType: "insertReplacementText" }));
  field.value = text;
  if (field.value !== before) {
    input(field, text, "insertReplacementText");
    changed(field);
  }
}

const isTicked = (element) => (isTickable(element) ? element.checked : keyword(element, "aria-checked") === "true");

// --- Lists ---

const optionsOf = (select) =>
  [...select.options].map((option) => ({
    option,
    label: oneLine(filled(option, "label") ?? option.textContent),
    value: option.value,
    disabled: option.disabled || option.closest("optgroup")?.disabled === true,
  }));

/** An option by label, else by value, else by label in another case. */
function optionBy(select, wanted) {
  const line = oneLine(wanted);
  const options = optionsOf(select).filter(({ disabled }) => !disabled);
  const by = (fits) => options.find(fits)?.option;
  return by(({ label }) => label === line) ?? by(({ value }) => value === wanted) ?? by(({ label }) => label.toLowerCase() === line.toLowerCase());
}

/** What keeps a choice from being made, or nothing. */
function choiceRefusal(select, wanted) {
  const title = titleOf(select);
  if (select.localName !== "select") {
    return { code: "wrong-kind", title, is: isControl(select) ? nounOf(select) : "part of the page", hint: isTickable(select) || !isControl(select) ? "click-it" : "fill-it" };
  }
  if (wanted.length > 1 && !select.multiple) return { code: "wrong-kind", title, is: "list", hint: "one" };
  const missing = wanted.find((one) => !optionBy(select, one));
  if (missing === undefined) return undefined;
  const options = optionsOf(select).filter(({ disabled }) => !disabled).map(({ label }) => cut(label, 200)).slice(0, MOST_LISTED);
  return { code: "no-option", title, wanted: missing, options };
}

function choose(select, wanted) {
  const chosen = new Set(wanted.map((one) => optionBy(select, one)));
  const before = [...select.options].map((option) => option.selected).join();
  select.focus({ preventScroll: true });
  for (const option of select.options) option.selected = chosen.has(option);
  if ([...select.options].map((option) => option.selected).join() !== before) {
    input(select, null, "");
    changed(select);
  }
}

/** The radio button of a group that is meant, by name or by value; `found` are all of one group and more than one. */
function radioOf(found, wanted) {
  return found.find((radio) => accessibleName(radio).toLowerCase() === wanted.toLowerCase() || radio.value === wanted);
}
