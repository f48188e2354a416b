// Whether a person could do it now: what stands in the way, and waiting until nothing does.

/** What keeps an element from being acted on, or nothing. `code` is what the program knows it by. */
function obstacle(element, action) {
  if (!element.isConnected) return { code: "gone" };
  const title = isControl(element) ? titleOf(element) : describe(element);
  if (element.matches(":disabled") || (keyword(element, "aria-disabled") === "true" && !isControl(element))) return { code: "disabled", title };
  if (action === "fill" && (element.readOnly === true || keyword(element, "aria-readonly") === "true") && takesReadonly(element)) {
    return { code: "readonly", title };
  }
  return undefined;
}

function takesReadonly(element) {
  return !isControl(element) || (element.localName !== "select" && !isTickable(element) && !["range", "color", "file"].includes(element.type));
}

/** Where a person would press: the element itself, or the label that stands for a control which is not to be seen. */
function surfaceOf(element) {
  return isShown(element) ? element : (shownLabel(element) ?? element);
}

/** The middle of the largest part of an element, as far as it is within the window. */
function middleOf(element) {
  const within = (box) => ({
    left: Math.max(box.left, 0),
    top: Math.max(box.top, 0),
    right: Math.min(box.right, innerWidth),
    bottom: Math.min(box.bottom, innerHeight),
  });
  const size = (box) => Math.max(box.right - box.left, 0) * Math.max(box.bottom - box.top, 0);
  const boxes = [...element.getClientRects()].map(within).filter((box) => size(box) > 0);
  if (boxes.length === 0) return undefined;
  const box = boxes.reduce((most, next) => (size(next) > size(most) ? next : most));
  return { x: (box.left + box.right) / 2, y: (box.top + box.bottom) / 2 };
}

/** The innermost element at a point of the window, through open shadow roots. */
function elementAt({ x, y }) {
  let hit;
  for (let root = document; root; root = hit?.shadowRoot) {
    const next = root.elementFromPoint(x, y);
    if (!next || next === hit) break;
    hit = next;
  }
  return hit;
}

/** Brings the middle of an element into the window, at once: a page's smooth scrolling would still be under way. */
function bringIntoView(element) {
  const box = element.getBoundingClientRect();
  const y = (box.top + box.bottom) / 2;
  const x = (box.left + box.right) / 2;
  const clipped = middleOf(element);
  const inside = y >= 0 && y < innerHeight && x >= 0 && x < innerWidth;
  if (!inside || !clipped || !hits(elementAt(clipped), element)) element.scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
}

function hits(hit, element) {
  return hit !== undefined && hit !== null && isWithin(hit, element);
}

/**
 * The point at which an element takes a press, or what stands in its way. A control that something covers can still be
 * pressed by its label, as check boxes in disguise are.
 */
function target(element) {
  const surfaces = [...new Set([surfaceOf(element), ...(isTickable(element) || element.type === "file" ? (element.labels ?? []) : [])])];
  let cover;
  for (const surface of surfaces) {
    if (!isShown(surface)) continue;
    bringIntoView(surface);
    const point = middleOf(surface);
    if (!point) {
      cover ??= { code: "outside", title: describe(element) };
      continue;
    }
    const hit = elementAt(point);
    // A label's press goes to its control, unless it lands on a link or a button within.
    const other = hit && surface.localName === "label" && surface !== element && [hit, ...ancestorsOf(hit)].find((at) => at === surface || isNativePressable(at));
    if (hits(hit, surface) && (!other || other === surface || other === element)) return { surface, hit, point };
    const label = hit && [hit, ...ancestorsOf(hit)].find((at) => at.localName === "label");
    if (label && label.control === element) return { surface: label, hit, point };
    cover ??= coverOf(element, hit);
  }
  return { blocked: cover ?? { code: "outside", title: describe(element) } };
}

function coverOf(element, hit) {
  const title = describe(element);
  if ([element, ...ancestorsOf(element)].some((at) => at.inert)) return { code: "inert", title };
  if (!hit) return { code: "outside", title };
  if (isWithin(element, hit)) return { code: "through", title, by: tagOf(hit) };
  const text = cut(oneLine(renderedText(hit)), 60);
  return { code: "covered", title, by: text ? `${tagOf(hit)} “${text}”` : tagOf(hit) };
}

// --- Waiting ---

/** The next frame; a page that is not painted (a tab in the background) has none, so a timer stands in. */
function nextFrame() {
  if (!hasScripts()) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, 50);
    requestAnimationFrame(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** Whether the page's scripts run. Where they are turned off, neither timers nor observers call back, here as little as there. */
const hasScripts = () => !matchMedia("(scripting: none)").matches;

/** Whether an element stays where it is from one frame to the next. */
async function isStill(element) {
  const place = () => {
    const { x, y, width, height } = element.getBoundingClientRect();
    return `${x} ${y} ${width} ${height}`;
  };
  const before = place();
  await nextFrame();
  return element.isConnected && place() === before;
}

/** How often to look without having been told of a change: style sheets and properties change in silence. */
const HEARTBEAT_MS = 100;
const SIGNS = ["load", "transitionend", "animationend", "input", "change", "focusin", "toggle", "scroll", "resize", "slotchange"];

/**
 * Ends with the next change of the page, after at most `ms`, and at once when the page goes away.
 * It says "gone" then: whoever waits must look at the page that came instead. It says "deaf" where nothing can be waited for.
 */
function change(ms) {
  if (!hasScripts()) return Promise.resolve("deaf");
  return new Promise((resolve) => {
    const end = (why) => {
      observer.disconnect();
      clearTimeout(timer);
      for (const sign of SIGNS) removeEventListener(sign, changed, true);
      removeEventListener("pagehide", hidden, true);
      resolve(why);
    };
    let due = false;
    const changed = () => {
      if (due) return;
      due = true;
      // What changes together is looked at once.
      nextFrame().then(() => end("changed"));
    };
    const hidden = () => end("gone");
    const observer = new MutationObserver(changed);
    for (const root of rootsOf(elementsBelow(document))) {
      observer.observe(root, { subtree: true, childList: true, attributes: true, characterData: true });
    }
    const timer = setTimeout(() => end("late"), Math.max(ms, 0));
    for (const sign of SIGNS) addEventListener(sign, changed, { capture: true, passive: true });
    addEventListener("pagehide", hidden, true);
  });
}

/** Whether the page's own scripts have had their turn: what is pressed before that does nothing. */
function isBuilt() {
  if (document.readyState === "loading") return false;
  const [load] = performance.getEntriesByType("navigation");
  return document.readyState === "complete" || !load || load.domContentLoadedEventEnd > 0;
}
