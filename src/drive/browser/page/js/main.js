// What the program asks of a page, one call each. Answers are plain data; an element, where one is wanted, stands beside.

/** What fits a locator here and now, in plain data. */
function survey(task) {
  const { tier, found } = findAll(task.locator, task.wanted);
  const several = asOne(found);
  return {
    tier,
    found: several,
    names: several.slice(0, 50).map(describe),
    count: several.length,
    links: several.map((element) => destinationOf(element) ?? null).slice(0, 50),
    // A choice by the name of a group of radio buttons is no ambiguity.
    group: task.action === "select" && several.length > 1 && several.slice(1).every((other) => sameGroup(several[0], other)),
  };
}

/** What to say when the time is up. */
function account(task, found) {
  const { found: _, ...rest } = found;
  const missing = rest.count === 0;
  return {
    ...rest,
    candidates: missing ? candidates(task.locator.kind, task.wanted) : [],
    hidden: missing ? hiddenMatches(task.locator) : [],
    closed: missing ? closedHosts() : [],
    url: location.href,
    title: oneLine(document.title),
  };
}

/** Tasks that were done in this document, so that one whose answer was lost is not done twice. */
const doneTasks = new Map();

/** Waits until a task can be done, does it, and says how it went. */
async function perform(task) {
  const until = performance.now() + task.ms;
  for (;;) {
    if (doneTasks.has(task.id)) return doneTasks.get(task.id);
    const left = until - performance.now();
    const found = survey(task);
    if (task.whole && shownFrames().length > 0) return [{ frames: true }];
    let blocked = isBuilt() ? undefined : { code: "loading" };
    if (!blocked && (found.count === 1 || found.group)) {
      const tried = await attempt(task, found);
      if (tried.done) return [tried.done, tried.element];
      blocked = tried.blocked;
      if (blocked.code === "gone") continue;
    }
    if (left <= 0 || blocked?.final) return [{ late: account(task, found), blocked: blocked ?? null }];
    const waited = await change(Math.min(left, HEARTBEAT_MS));
    if (waited === "gone") return [{ gone: true }];
    if (waited === "deaf") return [{ late: account(task, found), blocked: blocked ?? null, deaf: true }];
  }
}

/** Keeps what came of a task, from the moment at which it cannot be undone. */
function done(task, what, element) {
  const outcome = { done: what, element };
  doneTasks.set(task.id, [what, element]);
  return outcome;
}

async function attempt(task, { found, group }) {
  const element = group ? radioOf(found, task.wanteds[0]) : found[0];
  if (!element) return { blocked: { code: "no-option", title: found[0].name, wanted: task.wanteds[0], options: found.map(accessibleName) } };
  switch (task.action) {
    case "see":
      return { done: { seen: true }, element: task.real ? element : undefined };
    case "click":
      return press(task, element);
    case "fill":
      return fill(task, element);
    case "select":
      return group ? tick(task, element, true) : select(task, element);
    default:
      throw new Error(`no such action: ${task.action}`);
  }
}

async function press(task, element) {
  const surface = surfaceOf(element);
  const refused = obstacle(element, "click");
  if (refused) return { blocked: refused };
  bringIntoView(surface);
  if (!(await isStill(surface))) return { blocked: { code: surface.isConnected ? "moving" : "gone", title: describe(element) } };
  // Another try may have been under way in that frame.
  if (doneTasks.has(task.id)) return { blocked: { code: "gone" } };
  const { blocked, hit, point } = target(element);
  if (blocked) return { blocked };
  if (task.real) {
    expectPress(element);
    return { done: { ready: point } };
  }
  const outcome = done(task, { pressed: true });
  // The page may go away by the press before its answer is heard. What the console is told is heard in any case.
  console.debug(`authchain pressed ${task.id}`);
  pressAt(hit, point);
  return outcome;
}

async function fill(task, element) {
  const wrong = refusal(element, task.text);
  if (wrong) return { blocked: { ...wrong, final: wrong.code === "wrong-kind" } };
  const refused = obstacle(element, "fill");
  if (refused) return { blocked: refused };
  if (element.type === "file") return { done: { file: true }, element };
  if (isTickable(element) || isTickedByRole(element)) return tick(task, element, task.text === "true");
  const typed = isControl(element) ? ["text", "search", "tel", "url", "email", "password", "number", "textarea"].includes(element.type) : true;
  if (task.real && typed) {
    bringIntoView(element);
    const field = isControl(element) ? element : editableWithin(element);
    field.focus({ preventScroll: true });
    if (isControl(field)) field.select();
    else getSelection().selectAllChildren(field);
    return { done: { focused: true }, element: field };
  }
  fillField(element, task.text);
  return { done: { filled: true } };
}

async function tick(task, element, wanted) {
  if (isTicked(element) === wanted) return { done: { filled: true } };
  if (element.type === "radio" && !wanted) return { blocked: { code: "wrong-kind", title: titleOf(element), is: "radio button", hint: "other", final: true } };
  const pressed = await press(task, element);
  // With a real pointer the press is still to come.
  if (pressed.done?.ready) return pressed;
  // A framework may put the tick back and set it anew a moment later. It is never pressed twice: that would undo it.
  for (let frames = 0; pressed.done && element.isConnected && isTicked(element) !== wanted; frames += 1) {
    if (frames === 20) return { blocked: { code: "untouched", title: titleOf(element), final: true } };
    await nextFrame();
  }
  return pressed;
}

async function select(task, element) {
  const refused = choiceRefusal(element, task.wanteds);
  if (refused) return { blocked: { ...refused, final: refused.code === "wrong-kind" } };
  const disabled = obstacle(element, "select");
  if (disabled) return { blocked: disabled };
  choose(element, task.wanteds);
  return { done: { filled: true } };
}

// --- Real presses ---

/**
 * Looks where the next real press lands: the page may have changed since the pointer was sent on its way. What was drawn
 * anew in the same place, under the same name, is what was meant.
 */
function expectPress(element) {
  const watch = { pressed: undefined, reached: false, clicked: false };
  const name = describe(element);
  const labels = [...(element.labels ?? [])];
  const isMeant = (at) => at === element || labels.includes(at) || (at.localName === element.localName && describe(at) === name);
  const see = (event) => {
    if (!event.isTrusted) return;
    const path = event.composedPath();
    const reached = path.some((at) => at.nodeType === ELEMENT && isMeant(at));
    removeEventListener(event.type, see, true);
    if (event.type === "click") watch.clicked = reached;
    else Object.assign(watch, { pressed: path[0], reached });
  };
  addEventListener("pointerdown", see, true);
  addEventListener("click", see, true);
  globalThis.expectedPress = watch;
}

/** Whether the press landed; `null` when no press came here at all. A node that goes between down and up is not clicked. */
function landedPress() {
  const { pressed, reached, clicked } = globalThis.expectedPress ?? {};
  if (pressed === undefined) return null;
  return clicked || (reached && pressed.isConnected);
}

// --- Entrance ---

async function answer(task) {
  switch (task.ask) {
    case "perform":
      return perform(task);
    case "survey":
      return [account(task, survey(task))];
    case "change":
      return [{ change: await change(task.ms) }];
    case "landed":
      return [{ landed: landedPress() }];
    case "address":
      return [[location.href, oneLine(document.title)]];
    case "look":
      return [look()];
    default:
      throw new Error(`no such question: ${task.ask}`);
  }
}

/** Questions and answers are JSON texts: a browser's own encoding of nested values costs a round trip for each of them. */
async function askPage(question) {
  const [data, element] = await answer(JSON.parse(question));
  const text = JSON.stringify(data);
  return element ? [text, element] : text;
}
