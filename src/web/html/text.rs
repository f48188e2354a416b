//! Text as it is rendered, near enough to DOM `innerText` that both engines may be compared by it.

use super::dom::{Data, Dom, Element, NodeId};

/// The text that a person sees in an element: a line for each block, white space collapsed except in `<pre>`.
pub(super) fn rendered(dom: &Dom, root: NodeId) -> String {
    let mut out = Lines::default();
    // Ends of the blocks and preformatted elements that are open.
    let mut blocks: Vec<NodeId> = Vec::new();
    let mut preformatted: Vec<NodeId> = Vec::new();
    let end = dom.end(root);
    let mut at = root;
    while at < end {
        while blocks.pop_if(|end| *end <= at).is_some() {
            out.line_break();
        }
        while preformatted.pop_if(|end| *end <= at).is_some() {}
        if dom.is_hidden(at) {
            at = dom.end(at);
            continue;
        }
        match dom.data(at) {
            Data::Text(text) if !preformatted.is_empty() => out.preformatted(text),
            Data::Text(text) => out.collapsed(text),
            Data::Element(element) => match element.name.as_str() {
                "br" => out.hard_break(),
                "td" | "th" => out.gap(),
                // Its content is a value, not text.
                "textarea" => {
                    at = dom.end(at);
                    continue;
                }
                _ if is_block(element) => {
                    out.line_break();
                    blocks.push(dom.end(at));
                    if matches!(element.name.as_str(), "pre" | "listing" | "xmp" | "plaintext") {
                        preformatted.push(dom.end(at));
                    }
                }
                _ => {}
            },
        }
        at += 1;
    }
    out.finish()
}

/// Text on one line: every run of white space is one space. What names and locators are compared by.
pub(super) fn one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

/// The text of a whole page on one line, folded to lower case, and which part of it each node shows. Searching it finds an
/// element by its text in one pass, where rendering every element by itself would take quadratic time.
pub(super) struct Flow {
    text: String,
    /// Start and end in `text`, by node.
    spans: Vec<(usize, usize)>,
}

impl Flow {
    /// `value_of` gives the text of what shows a value instead of content.
    pub(super) fn new<'a>(dom: &'a Dom, value_of: impl Fn(NodeId) -> Option<&'a str>) -> Self {
        let mut flow = Self { text: String::new(), spans: vec![(0, 0); dom.len()] };
        let mut pending_space = false;
        let mut open: Vec<NodeId> = Vec::new();
        let mut at = 0;
        while at < dom.len() {
            while let Some(id) = open.pop_if(|id| dom.end(*id) <= at) {
                flow.spans[id].1 = flow.text.len();
                pending_space |= breaks(dom, id);
            }
            if dom.is_hidden(at) || dom.element(at).is_some_and(|element| element.is("textarea")) {
                at = dom.end(at);
                continue;
            }
            flow.spans[at].0 = flow.text.len();
            open.push(at);
            pending_space |= breaks(dom, at);
            match (dom.data(at), value_of(at)) {
                (Data::Text(text), _) => flow.push(text, &mut pending_space),
                (_, Some(value)) => flow.push(value, &mut pending_space),
                _ => {}
            }
            at += 1;
        }
        for id in open {
            flow.spans[id].1 = flow.text.len();
        }
        flow
    }

    fn push(&mut self, text: &str, pending_space: &mut bool) {
        for c in text.chars() {
            if c.is_whitespace() {
                *pending_space = true;
                continue;
            }
            if std::mem::take(pending_space) && !self.text.is_empty() {
                self.text.push(' ');
            }
            self.text.extend(c.to_lowercase());
        }
    }

    /// The smallest elements that show a folded text, at most `limit` of them.
    pub(super) fn smallest_with(&self, dom: &Dom, folded: &str, limit: usize) -> Vec<NodeId> {
        let mut found: Vec<NodeId> = Vec::new();
        for (start, hit) in self.text.match_indices(folded).take(limit) {
            let shows = |id: &NodeId| self.spans[*id].0 <= start && start + hit.len() <= self.spans[*id].1;
            let root = (dom.len() > 0).then_some(0).filter(shows);
            let inner = |id: &NodeId| dom.children(*id).filter(|&child| dom.element(child).is_some()).find(shows);
            found.extend(std::iter::successors(root, inner).last());
        }
        found.dedup();
        found
    }
}

/// Whether an element keeps apart what stands before, in and after it.
fn breaks(dom: &Dom, id: NodeId) -> bool {
    let apart = |element: &Element| is_block(element) || matches!(element.name.as_str(), "br" | "td" | "th" | "input" | "button");
    dom.element(id).is_some_and(apart)
}

/// Whether an element begins and ends a line.
pub(super) fn is_block(element: &Element) -> bool {
    matches!(
        element.name.as_str(),
        "address"
            | "article"
            | "aside"
            | "blockquote"
            | "body"
            | "center"
            | "dd"
            | "details"
            | "dialog"
            | "dir"
            | "div"
            | "dl"
            | "dt"
            | "fieldset"
            | "figcaption"
            | "figure"
            | "footer"
            | "form"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
            | "header"
            | "hgroup"
            | "hr"
            | "html"
            | "legend"
            | "li"
            | "listing"
            | "main"
            | "menu"
            | "nav"
            | "ol"
            | "optgroup"
            | "option"
            | "p"
            | "plaintext"
            | "pre"
            | "search"
            | "section"
            | "summary"
            | "table"
            | "caption"
            | "tbody"
            | "thead"
            | "tfoot"
            | "tr"
            | "ul"
            | "xmp"
            | "select"
    )
}

#[derive(Default)]
struct Lines {
    text: String,
    /// White space seen but not written: it vanishes at the edges of a line.
    pending_space: bool,
}

impl Lines {
    fn collapsed(&mut self, text: &str) {
        for c in text.chars() {
            if matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0c') {
                self.pending_space = true;
            } else {
                if self.pending_space && !self.at_line_start() {
                    self.text.push(' ');
                }
                self.pending_space = false;
                self.text.push(c);
            }
        }
    }

    fn preformatted(&mut self, text: &str) {
        self.pending_space = false;
        self.text.push_str(text);
    }

    fn gap(&mut self) {
        self.pending_space = true;
    }

    fn line_break(&mut self) {
        self.pending_space = false;
        if !self.at_line_start() {
            self.text.push('\n');
        }
    }

    fn hard_break(&mut self) {
        self.pending_space = false;
        self.text.push('\n');
    }

    fn at_line_start(&self) -> bool {
        self.text.is_empty() || self.text.ends_with('\n')
    }

    fn finish(mut self) -> String {
        self.text.truncate(self.text.trim_end().len());
        let leading = self.text.len() - self.text.trim_start_matches('\n').len();
        self.text.drain(..leading);
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(html: &str) -> String {
        rendered(&Dom::parse(html), 0)
    }

    #[test]
    fn blocks_are_lines_and_white_space_collapses() {
        assert_eq!(text("<h1> Sign \n in</h1><p>with <b>Auth</b>entik<div><div>now</div></div>"), "Sign in\nwith Authentik\nnow");
        assert_eq!(text("<p>a<br>b<pre>x\n  y</pre>z"), "a\nb\nx\n  y\nz");
        assert_eq!(text("<table><tr><td>a<td>b<tr><td>c</table>"), "a b\nc");
    }

    #[test]
    fn what_is_not_rendered_is_not_text() {
        for html in [
            "<script>x</script>",
            "<style>x</style>",
            "<template>x</template>",
            "<div hidden>x</div>",
            "<div hidden><p>x</p></div>",
            "<p style='color: red; DISPLAY : none !important'>x",
            "<p style='visibility:hidden'>x",
            "<dialog>x</dialog>",
            "<textarea>x</textarea>",
            "<title>x</title>",
            "<iframe>x</iframe>",
            "<!-- x -->",
        ] {
            assert_eq!(text(html), "", "{html}");
        }
    }

    #[test]
    fn what_shows_without_script_is_text() {
        for html in [
            "<noscript><p>x</p></noscript>",
            "<dialog open>x</dialog>",
            "<div><template shadowrootmode=open>x</template></div>",
            "<details><p>x</p></details>",
            "<p style='display:block'>x",
        ] {
            assert_eq!(text(html), "x", "{html}");
        }
    }
}
