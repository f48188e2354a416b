// What a person sees: text, title, address; and what the page keeps in the browser.

/** Most text and most entries that are handed back. */
const MOST_TEXT = 1_000_000;
const MOST_ENTRIES = 1000;
const LONGEST_ENTRY = 100_000;

/** The text that a person sees in an element: a line for each block, white space collapsed except in `<pre>`. */
function renderedText(root) {
  let text = "";
  let pending = false;
  const atLineStart = () => text === "" || text.endsWith("\n");
  const lineBreak = () => {
    pending = false;
    if (!atLineStart()) text += "\n";
  };
  const push = (data) => {
    for (const piece of data.split(/([ \t\n\r\f]+)/u)) {
      if (piece === "") continue;
      if (/^[ \t\n\r\f]/u.test(piece)) {
        pending = true;
        continue;
      }
      text += pending && !atLineStart() ? ` ${piece}` : piece;
      pending = false;
    }
  };
  const visit = (element) => {
    if (text.length > MOST_TEXT || isUnrendered(element) || element.localName === "textarea") return;
    const style = getComputedStyle(element);
    if (element.localName === "br") {
      pending = false;
      text += "\n";
      return;
    }
    const cell = element.localName === "td" || element.localName === "th";
    const block = !cell && isBlock(element);
    if (cell) pending = true;
    if (block) lineBreak();
    const preformatted = style.whiteSpace.startsWith("pre") && style.whiteSpace !== "pre-line";
    for (const child of childrenOf(element)) {
      if (child.nodeType === ELEMENT) {
        visit(child);
      } else if (child.nodeType === TEXT && style.visibility === "visible") {
        if (preformatted) {
          pending = false;
          text += child.data;
        } else {
          push(child.data);
        }
      }
    }
    if (block) lineBreak();
  };
  visit(root);
  return text.trimEnd().replace(/^\n+/u, "").slice(0, MOST_TEXT);
}

function entriesOf(area) {
  try {
    const storage = area();
    const keys = Array.from({ length: Math.min(storage.length, MOST_ENTRIES) }, (_, at) => storage.key(at));
    return Object.fromEntries(keys.map((key) => [key, (storage.getItem(key) ?? "").slice(0, LONGEST_ENTRY)]));
  } catch {
    // Documents of an opaque origin have none, nor have third parties when their data is blocked.
    return null;
  }
}

function look() {
  return {
    url: location.href,
    title: oneLine(document.title),
    text: document.body ? renderedText(document.body) : "",
    html: document.contentType,
    frames: shownFrames().length,
    local: entriesOf(() => localStorage),
    session: entriesOf(() => sessionStorage),
  };
}
