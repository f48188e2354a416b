// Hides values in what a page shows while a picture is taken. The first call, with values, returns how many places it changed;
// a call without any puts everything back.
(values) => {
  const key = Symbol.for("authchain.hidden");
  const put = (node, text) => ("value" in node && !(node instanceof CharacterData) ? (node.value = text) : (node.data = text));
  if (values === undefined) {
    for (const [node, text] of globalThis[key] ?? []) put(node, text);
    delete globalThis[key];
    return 0;
  }
  const hidden = [];
  const hide = (node, text) => {
    let shown = text;
    for (const value of values) shown = shown.split(value).join("•".repeat(8));
    if (shown === text) return;
    hidden.push([node, text]);
    put(node, shown);
  };
  const walk = (root) => {
    const nodes = document.createTreeWalker(root, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
    for (let node = nodes.nextNode(); node; node = nodes.nextNode()) {
      if (node.nodeType === Node.TEXT_NODE) hide(node, node.data);
      else if (node.matches("input, textarea") && node.type !== "password" && node.type !== "file") hide(node, node.value);
      if (node.shadowRoot) walk(node.shadowRoot);
    }
  };
  walk(document);
  globalThis[key] = hidden;
  return hidden.length;
}
