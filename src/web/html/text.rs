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
