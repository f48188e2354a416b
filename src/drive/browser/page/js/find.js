// From a locator to the elements it names: the rules of the http engine, on a page that is alive.

/** How well a name fits, best first: equal, equal but for case, contains. */
const TIERS = [
  (name, needle) => name === needle,
  (name, needle) => name.toLowerCase() === needle.toLowerCase(),
  (name, needle) => name.toLowerCase().includes(needle.toLowerCase()),
];
const NOTHING = { tier: TIERS.length, found: [] };

/** Most names that are handed back for a message. */
const MOST_LISTED = 200;

function best(named, needle) {
  for (const [tier, fits] of TIERS.entries()) {
    const found = named.filter(([, name]) => fits(name, needle)).map(([element]) => element);
    if (found.length > 0) return { tier, found: [...new Set(found)] };
  }
  return NOTHING;
}

/**
 * All elements that fit a locator equally well, in page order, and how well. What only a script brings to life (roles on
 * bare elements, plain elements with a listener) is looked at when nothing else fits, so that both engines agree.
 */
function findAll({ kind, needle }, wanted) {
  const elements = elementsBelow(document);
  const native = findAmong(elements, kind, needle, wanted, false);
  if (native.found.length > 0 || wanted === "element") return native;
  const scripted = findAmong(elements, kind, needle, wanted, true);
  if (scripted.found.length > 0 || wanted !== "pressable" || !["text", "css", "testid"].includes(kind)) return scripted;
  return findAmong(elements, kind, needle, "element", false);
}

function findAmong(elements, kind, needle, wanted, scripted) {
  const line = oneLine(needle);
  const wantedHere = (element) => isWanted(element, wanted, scripted);
  const pool = (nameOf) =>
    elements
      .filter((element) => wantedHere(element) && !isHiddenFromNames(element))
      .map((element) => [element, nameOf(element)])
      .filter(([, name]) => name !== "");
  const exactly = (pointedAt) => {
    const meantHere = pointedAt.map((element) => meant(element, wantedHere)).filter(Boolean);
    const found = inOrder(meantHere, elements);
    return found.length > 0 ? { tier: 0, found } : NOTHING;
  };
  switch (kind) {
    case "name":
      return best(pool(accessibleName), line);
    case "label":
      return best(pool(labelText), line);
    case "controlname":
      return exactly(elements.filter((element) => isControl(element) && element.getAttribute("name") === needle && wantedHere(element)));
    case "testid":
      return exactly(elements.filter((element) => element.getAttribute("data-testid") === needle));
    case "css":
      return exactly(elements.filter((element) => matchesThroughShadows(element, needle)));
    default: {
      const named = smallestWith(line).map(([element, text]) => [meant(element, wantedHere), text]);
      const { tier, found } = best(named.filter(([element]) => element), line);
      return { tier, found: inOrder(found, elements) };
    }
  }
}

/** What is hidden from assistive technology has no accessible name to be called by, as what a dialog covers. */
function isHiddenFromNames(element) {
  return keyword(element, "aria-hidden") === "true" || [...ancestorsOf(element)].some((up) => keyword(up, "aria-hidden") === "true");
}

function inOrder(found, elements) {
  const wanted = new Set(found);
  return elements.filter((element) => wanted.has(element));
}

/** From what was pointed at to what was meant: a label stands for its control, a part of a button for the button. */
function meant(element, wantedHere) {
  if (wantedHere(element)) return element;
  if (!isShown(element)) return undefined;
  for (const at of [element, ...ancestorsOf(element)]) {
    const target = at.localName === "label" ? at.control : at;
    if (target && wantedHere(target)) return target;
    if (at.localName === "label" && !target) return undefined;
  }
  return undefined;
}

// --- CSS selectors through shadow roots ---

/** Whether an element matches a selector, a descendant combinator of which may reach through open shadow roots. */
function matchesThroughShadows(element, selector) {
  return splitAt(selector, ",").some((complex) => matchesComplex(element, complex.trim()));
}

function matchesComplex(element, selector) {
  if (element.matches(selector)) return true;
  if (!(element.getRootNode() instanceof ShadowRoot)) return false;
  const parts = splitAt(selector, " ").filter((part) => part !== "");
  for (let at = parts.length - 1; at > 0; at -= 1) {
    const isWhole = (part) => /^[>+~]+$/u.test(part);
    if (isWhole(parts[at]) || isWhole(parts[at - 1]) || /^[>+~]/u.test(parts[at]) || /[>+~]$/u.test(parts[at - 1])) continue;
    if (!element.matches(parts.slice(at).join(" "))) continue;
    const outside = parts.slice(0, at).join(" ");
    for (let root = element.getRootNode(); root instanceof ShadowRoot; root = root.host.getRootNode()) {
      for (let up = root.host; up; up = up.parentElement) if (matchesComplex(up, outside)) return true;
    }
  }
  return false;
}

/** Splits a selector where a separator stands outside of brackets and strings. White space counts as " ". */
function splitAt(selector, separator) {
  const parts = [""];
  let depth = 0;
  let quote = "";
  for (let at = 0; at < selector.length; at += 1) {
    const c = selector[at];
    if (c === "\\") {
      parts[parts.length - 1] += c + (selector[at + 1] ?? "");
      at += 1;
      continue;
    }
    if (quote) quote = c === quote ? "" : quote;
    else if (c === '"' || c === "'") quote = c;
    else if (c === "(" || c === "[") depth += 1;
    else if (c === ")" || c === "]") depth -= 1;
    else if (depth === 0 && (c === separator || (separator === " " && /\s/u.test(c)))) {
      parts.push("");
      continue;
    }
    parts[parts.length - 1] += c;
  }
  return parts;
}

// --- By text ---

/** The smallest elements that show a text, each with all its text. */
function smallestWith(needle) {
  const flow = flowOf(document.documentElement);
  const folded = needle.toLowerCase();
  const found = [];
  for (let start = flow.text.indexOf(folded); start >= 0 && found.length < MOST_LISTED; start = flow.text.indexOf(folded, start + folded.length)) {
    const shows = (element) => {
      const span = flow.spans.get(element);
      return span !== undefined && span[0] <= start && start + folded.length <= span[1];
    };
    let at = document.documentElement;
    for (let inner = at; inner; inner = [...childrenOf(at)].find((child) => child.nodeType === ELEMENT && shows(child))) at = inner;
    if (shows(at)) found.push(at);
  }
  return [...new Set(found)].map((element) => [element, oneLine(buttonValue(element) ?? renderedText(element))]);
}

/** Text that shows without being content. */
function buttonValue(element) {
  return element.localName === "input" && isButton(element) && element.value !== "" ? element.value : undefined;
}

/** The text of a part of the page on one line, in lower case, and which stretch of it each element shows. */
function flowOf(root) {
  let text = "";
  let pending = false;
  const spans = new Map();
  const push = (piece) => {
    for (const word of piece.toLowerCase().split(/(\s+)/u)) {
      if (word === "") continue;
      if (/^\s/u.test(word)) {
        pending = true;
        continue;
      }
      text += pending && text !== "" ? ` ${word}` : word;
      pending = false;
    }
  };
  const visit = (element) => {
    if (isUnrendered(element) || element.localName === "textarea") return;
    const apart = isBlock(element) || ["br", "td", "th", "input", "button"].includes(element.localName);
    pending ||= apart;
    const start = text.length;
    const value = buttonValue(element);
    if (value !== undefined && isShown(element)) push(value);
    const visible = getComputedStyle(element).visibility === "visible";
    for (const child of childrenOf(element)) {
      if (child.nodeType === ELEMENT) visit(child);
      else if (child.nodeType === TEXT && visible) push(child.data);
    }
    spans.set(element, [start, text.length]);
    pending ||= apart;
  };
  visit(root);
  return { text, spans };
}

/** Whether an element and all in it is left out of what a person sees, whatever its children's styles. */
function isUnrendered(element) {
  if (element.localName === "option" || element.localName === "optgroup") return element.hidden;
  if (["script", "style", "head", "template", "datalist", "iframe", "object", "audio", "video", "canvas"].includes(element.localName)) return true;
  const style = getComputedStyle(element);
  if (style.display === "none") return true;
  // A closed `<details>`, `content-visibility: hidden`: rendered, but skipped.
  return style.display !== "contents" && !element.checkVisibility();
}

// --- What a message needs ---

/** The names to list when nothing fits, in the words of the locator's kind. */
function candidates(kind, wanted) {
  const elements = elementsBelow(document);
  const take = (names) => [...new Set(names.filter(Boolean).map((name) => cut(name, 200)))].slice(0, MOST_LISTED);
  if (kind === "testid") {
    return take(elements.filter((element) => filled(element, "data-testid") && isShown(element)).map((element) => `testid=${filled(element, "data-testid")}`));
  }
  const shown = elements.filter((element) => isWanted(element, wanted, false) || (wanted !== "element" && isWanted(element, wanted, true)));
  return take(
    shown.map((element) => {
      if (!isControl(element)) return accessibleName(element);
      const name = element.getAttribute("name");
      return kind === "controlname" && name ? `name=${name}` : titleOf(element);
    }),
  );
}

/** What would have fitted, but does not show, and why not. */
function hiddenMatches({ kind, needle }) {
  const line = oneLine(needle);
  const fits = (element) => {
    if (kind === "css") return matchesThroughShadows(element, needle);
    if (kind === "testid") return element.getAttribute("data-testid") === needle;
    if (kind === "controlname") return isControl(element) && element.getAttribute("name") === needle;
    if (kind === "text") return false;
    const name = kind === "label" ? labelText(element) : accessibleName(element);
    return name !== "" && TIERS.some((tier) => tier(name, line));
  };
  const hidden = elementsBelow(document).filter((element) => !isReachable(element) && element.type !== "hidden" && fits(element));
  return hidden.slice(0, 5).map((element) => `${describe(element)} is hidden by ${whyHidden(element)}`);
}

/** Custom elements that show something of which nothing can be read: their shadow root is closed. */
function closedHosts() {
  const hosts = elementsBelow(document).filter(
    (element) => element.localName.includes("-") && !element.shadowRoot && element.childNodes.length === 0 && element.matches(":defined") && hasBox(element),
  );
  return [...new Set(hosts.map((element) => `<${element.localName}>`))].slice(0, 5);
}

/** Frames of this document that a person sees. */
function shownFrames() {
  return elementsBelow(document).filter((element) => ["iframe", "frame"].includes(element.localName) && isShown(element));
}

/** Links that lead to the same place count as one. */
function destinationOf(element) {
  return element.localName === "a" && element.hasAttribute("href") ? element.href : undefined;
}

function asOne(found) {
  const first = found[0] && destinationOf(found[0]);
  return first !== undefined && found.every((element) => destinationOf(element) === first) ? [found[0]] : found;
}
