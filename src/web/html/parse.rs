//! Bytes from a stranger to a tree of bounded size.
//!
//! Two things are not `scraper`'s own: scripting is off, so that `<noscript>` holds elements, and the parser's notion of
//! which form a control belongs to is kept (in `<table><form><tr><td><input>` the input is not inside the form).
//! The text is fed in small pieces and dropped from where a limit is passed; html5ever takes time quadratic in nesting
//! depth and in the attributes of one tag, and can make more nodes than it read bytes.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;

use html5ever::tendril::{StrTendril, TendrilSink};
use html5ever::tree_builder::{ElementFlags, NodeOrText, QuirksMode, TreeBuilderOpts, TreeSink};
use html5ever::{Attribute, ParseOpts, QualName, parse_document};
use scraper::{Html, HtmlTreeSink};

/// Bytes of HTML that are read.
pub const MAX_BYTES: usize = 2 << 20;
/// Nodes that are made.
pub const MAX_NODES: usize = 100_000;
/// How deep elements nest; Chromium stops at the same depth.
pub const MAX_DEPTH: usize = 512;
/// Words that may follow one another inside one tag or comment.
const MAX_WORDS_IN_TAG: usize = 8_000;
/// How much is fed before the limits are looked at again.
const PIECE: usize = 1024;

/// A limit that a page passed; what came after was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// More than [`MAX_BYTES`].
    Bytes,
    /// More than [`MAX_NODES`].
    Nodes,
    /// Deeper than [`MAX_DEPTH`].
    Depth,
    /// One tag with thousands of attributes.
    Attributes,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes => write!(f, "the page is longer than {} MiB", MAX_BYTES >> 20),
            Self::Nodes => write!(f, "the page has more than {MAX_NODES} nodes"),
            Self::Depth => write!(f, "the page nests deeper than {MAX_DEPTH} elements"),
            Self::Attributes => f.write_str("the page has a tag with thousands of attributes"),
        }
    }
}

/// What parsing yields.
pub(super) struct Parsed {
    pub(super) html: Html,
    /// Form owners that the parser decided (HTML §4.10.17.3 "associate"), control to form.
    pub(super) owners: HashMap<Handle, Handle>,
    pub(super) cut: Option<Limit>,
}

pub(super) type Handle = <HtmlTreeSink as TreeSink>::Handle;

pub(super) fn parse(text: &str) -> Parsed {
    let options =
        ParseOpts { tree_builder: TreeBuilderOpts { scripting_enabled: false, ..TreeBuilderOpts::default() }, ..ParseOpts::default() };
    let mut parser = parse_document(Sink::new(), options);
    let mut rest = text;
    let mut read = 0;
    let mut words = 0;
    let cut = loop {
        if rest.is_empty() {
            break None;
        }
        if read >= MAX_BYTES {
            break Some(Limit::Bytes);
        }
        let (piece, tail) = rest.split_at(rest.floor_char_boundary(PIECE));
        rest = tail;
        read += piece.len();
        parser.process(StrTendril::from(piece));
        let sink = &parser.tokenizer.sink.sink;
        // A piece without any effect on the tree lies inside one tag or comment.
        words = if sink.touched.replace(false) { 0 } else { words + piece.split([' ', '\n', '\t', '/', '"', '\'']).count() };
        if let Some(limit) = sink.passed() {
            break Some(limit);
        }
        if words > MAX_WORDS_IN_TAG {
            break Some(Limit::Attributes);
        }
    };
    let (html, owners) = parser.finish();
    Parsed { html, owners, cut }
}

/// scraper's sink, watched: it counts, measures depth, and keeps what the parser says of form owners.
struct Sink {
    inner: HtmlTreeSink,
    owners: RefCell<HashMap<Handle, Handle>>,
    depths: RefCell<HashMap<Handle, usize>>,
    made: Cell<usize>,
    deepest: Cell<usize>,
    touched: Cell<bool>,
}

impl Sink {
    fn new() -> Self {
        Self {
            inner: HtmlTreeSink::new(Html::new_document()),
            owners: RefCell::default(),
            depths: RefCell::default(),
            made: Cell::new(0),
            deepest: Cell::new(0),
            touched: Cell::new(false),
        }
    }

    fn passed(&self) -> Option<Limit> {
        if self.made.get() > MAX_NODES {
            Some(Limit::Nodes)
        } else if self.deepest.get() > MAX_DEPTH {
            Some(Limit::Depth)
        } else {
            None
        }
    }

    fn depth(&self, node: Handle) -> usize {
        self.depths.borrow().get(&node).copied().unwrap_or(0)
    }

    /// Notes a node that arrives at a depth. Where the parser later moves subtrees (misnested `<b>`, `<i>`) the figure
    /// is a little low; it is there to stop towers, not to be exact.
    fn place(&self, child: &NodeOrText<Handle>, depth: usize) {
        self.touched.set(true);
        self.made.set(self.made.get() + 1);
        if let NodeOrText::AppendNode(node) = child {
            self.depths.borrow_mut().insert(*node, depth);
            self.deepest.set(self.deepest.get().max(depth));
        }
    }
}

impl TreeSink for Sink {
    type Handle = Handle;
    type Output = (Html, HashMap<Handle, Handle>);
    type ElemName<'a> = <HtmlTreeSink as TreeSink>::ElemName<'a>;

    fn finish(self) -> Self::Output {
        (self.inner.finish(), self.owners.into_inner())
    }

    fn associate_with_form(&self, target: &Handle, form: &Handle, _nodes: (&Handle, Option<&Handle>)) {
        self.owners.borrow_mut().insert(*target, *form);
    }

    fn append(&self, parent: &Handle, child: NodeOrText<Handle>) {
        self.place(&child, self.depth(*parent) + 1);
        self.inner.append(parent, child);
    }

    fn append_before_sibling(&self, sibling: &Handle, child: NodeOrText<Handle>) {
        self.place(&child, self.depth(*sibling));
        self.inner.append_before_sibling(sibling, child);
    }

    fn append_based_on_parent_node(&self, element: &Handle, previous: &Handle, child: NodeOrText<Handle>) {
        self.place(&child, self.depth(*element).max(self.depth(*previous) + 1));
        self.inner.append_based_on_parent_node(element, previous, child);
    }

    fn get_template_contents(&self, target: &Handle) -> Handle {
        let contents = self.inner.get_template_contents(target);
        let depth = self.depth(*target) + 1;
        self.depths.borrow_mut().insert(contents, depth);
        contents
    }

    // The rest is handed through.

    fn parse_error(&self, _message: Cow<'static, str>) {}

    fn get_document(&self) -> Handle {
        self.inner.get_document()
    }

    fn elem_name<'a>(&'a self, target: &'a Handle) -> Self::ElemName<'a> {
        self.inner.elem_name(target)
    }

    fn create_element(&self, name: QualName, attrs: Vec<Attribute>, flags: ElementFlags) -> Handle {
        self.inner.create_element(name, attrs, flags)
    }

    fn create_comment(&self, text: StrTendril) -> Handle {
        self.inner.create_comment(text)
    }

    fn create_pi(&self, target: StrTendril, data: StrTendril) -> Handle {
        self.inner.create_pi(target, data)
    }

    fn append_doctype_to_document(&self, name: StrTendril, public_id: StrTendril, system_id: StrTendril) {
        self.inner.append_doctype_to_document(name, public_id, system_id);
    }

    fn same_node(&self, x: &Handle, y: &Handle) -> bool {
        self.inner.same_node(x, y)
    }

    fn set_quirks_mode(&self, mode: QuirksMode) {
        self.inner.set_quirks_mode(mode);
    }

    fn add_attrs_if_missing(&self, target: &Handle, attrs: Vec<Attribute>) {
        self.inner.add_attrs_if_missing(target, attrs);
    }

    fn remove_from_parent(&self, target: &Handle) {
        self.inner.remove_from_parent(target);
    }

    fn reparent_children(&self, node: &Handle, new_parent: &Handle) {
        self.inner.reparent_children(node, new_parent);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_take_quadratic_time_is_cut_off() {
        let attributes: String = (0..300_000).map(|n| format!(" a{n}")).collect();
        for (text, limit) in [
            ("<div>".repeat(200_000), Limit::Depth),
            (format!("<table>{}", "<div>".repeat(200_000)), Limit::Depth),
            ("<br>".repeat(400_000), Limit::Nodes),
            ((0..40_000).map(|n| format!("<b id={n}><p>")).collect(), Limit::Nodes),
            (format!("<div {attributes}>"), Limit::Attributes),
            ("x".repeat(MAX_BYTES + 5000), Limit::Bytes),
        ] {
            let parsed = parse(&text);
            let head = &text[..20];
            assert_eq!(parsed.cut, Some(limit), "{head}");
        }
    }

    #[test]
    fn a_long_comment_and_a_long_script_are_no_reason_to_stop() {
        let text = format!("<!-- {} --><script>a<b {}</script><p>end", "licence ".repeat(5000), "x = 1; ".repeat(50_000));
        assert_eq!(parse(&text).cut, None);
    }
}
