//! The tree as plain data, in tree order: a node's descendants are the nodes right behind it.
//!
//! `scraper`'s own tree cannot cross threads and knows neither form owners nor what is rendered.

use std::collections::HashMap;
use std::ops::Range;

use html5ever::ns;
use scraper::{ElementRef, Html, Node as HtmlNode, Selector};

use super::parse::{Limit, Parsed, parse};

/// A node, by its place in tree order.
pub(super) type NodeId = usize;

#[derive(Debug, Clone)]
pub(super) struct Dom {
    nodes: Vec<Node>,
    ids: HashMap<String, NodeId>,
    pub(super) cut: Option<Limit>,
}

#[derive(Debug, Clone)]
struct Node {
    parent: Option<NodeId>,
    /// One past the last descendant.
    end: NodeId,
    /// Not rendered, by itself or by an ancestor.
    hidden: bool,
    data: Data,
}

#[derive(Debug, Clone)]
pub(super) enum Data {
    Text(String),
    Element(Element),
}

#[derive(Debug, Clone)]
pub(super) struct Element {
    /// Local name, lower case; elements of SVG and MathML have a `:` before it, so that none passes for HTML.
    pub(super) name: String,
    attrs: Vec<(String, String)>,
    /// The form that the parser tied this control to.
    pub(super) parser_owner: Option<NodeId>,
}

impl Element {
    pub(super) fn attr(&self, name: &str) -> Option<&str> {
        self.attrs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.attr(name).is_some()
    }

    /// An attribute without surrounding white space, if anything is left of it.
    pub(super) fn filled(&self, name: &str) -> Option<&str> {
        self.attr(name).map(str::trim).filter(|value| !value.is_empty())
    }

    /// An enumerated attribute: its value in lower case, empty when it is not there.
    pub(super) fn keyword(&self, name: &str) -> String {
        self.attr(name).unwrap_or_default().trim().to_ascii_lowercase()
    }

    pub(super) fn is(&self, name: &str) -> bool {
        self.name == name
    }
}

impl Dom {
    pub(super) fn parse(text: &str) -> Self {
        let Parsed { html, owners, cut } = parse(text);
        let mut nodes = Vec::new();
        let mut places = HashMap::new();
        let mut ids = HashMap::new();
        for node in elements_and_texts(&html) {
            let at: NodeId = nodes.len();
            let parent = node.ancestors().find_map(|ancestor| places.get(&ancestor.id()).copied());
            let data = match node.value() {
                HtmlNode::Element(element) => {
                    let prefix = if *element.name.ns == *ns!(html) { "" } else { ":" };
                    let attrs: Vec<_> = element.attrs().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
                    Data::Element(Element { name: format!("{prefix}{}", element.name()), attrs, parser_owner: None })
                }
                HtmlNode::Text(text) => Data::Text(text.to_string()),
                _ => continue,
            };
            places.insert(node.id(), at);
            let mut hidden = parent.is_some_and(|parent: NodeId| nodes.get(parent).is_some_and(|node: &Node| node.hidden));
            if let Data::Element(element) = &data {
                hidden |= is_unrendered(element);
                if let Some(id) = element.attr("id").filter(|id| !id.is_empty()) {
                    ids.entry(id.to_owned()).or_insert(at);
                }
            }
            nodes.push(Node { parent, end: at + 1, hidden, data });
        }
        // Children come after their parents, so one pass backwards carries every end upwards.
        for at in (0..nodes.len()).rev() {
            let end = nodes[at].end;
            if let Some(parent) = nodes[at].parent {
                nodes[parent].end = nodes[parent].end.max(end);
            }
        }
        for (control, form) in owners {
            if let (Some(&control), Some(&form)) = (places.get(&control), places.get(&form))
                && let Data::Element(element) = &mut nodes[control].data
            {
                element.parser_owner = Some(form);
            }
        }
        Self { nodes, ids, cut }
    }

    /// How many nodes there are.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// All elements, in tree order.
    pub(super) fn elements(&self) -> impl Iterator<Item = (NodeId, &Element)> {
        self.elements_in(0..self.nodes.len())
    }

    /// The elements inside another, in tree order.
    pub(super) fn elements_within(&self, id: NodeId) -> impl Iterator<Item = (NodeId, &Element)> {
        self.elements_in(id + 1..self.nodes[id].end)
    }

    fn elements_in(&self, range: Range<NodeId>) -> impl Iterator<Item = (NodeId, &Element)> {
        range.filter_map(|id| self.element(id).map(|element| (id, element)))
    }

    pub(super) fn element(&self, id: NodeId) -> Option<&Element> {
        match &self.nodes.get(id)?.data {
            Data::Element(element) => Some(element),
            Data::Text(_) => None,
        }
    }

    pub(super) fn data(&self, id: NodeId) -> &Data {
        &self.nodes[id].data
    }

    pub(super) fn children(&self, id: NodeId) -> impl Iterator<Item = NodeId> {
        let end = self.nodes[id].end;
        let mut next = id + 1;
        std::iter::from_fn(move || {
            let child = next;
            (child < end).then(|| {
                next = self.nodes[child].end;
                child
            })
        })
    }

    pub(super) fn parent(&self, id: NodeId) -> Option<NodeId> {
        self.nodes[id].parent
    }

    /// The elements that contain a node, nearest first, the node itself not among them.
    pub(super) fn ancestors(&self, id: NodeId) -> impl Iterator<Item = (NodeId, &Element)> {
        std::iter::successors(self.parent(id), |&id| self.parent(id)).filter_map(|id| self.element(id).map(|element| (id, element)))
    }

    pub(super) fn contains(&self, outer: NodeId, inner: NodeId) -> bool {
        (outer..self.nodes[outer].end).contains(&inner)
    }

    /// One past the last descendant.
    pub(super) fn end(&self, id: NodeId) -> NodeId {
        self.nodes[id].end
    }

    /// Whether a person does not get to see a node.
    pub(super) fn is_hidden(&self, id: NodeId) -> bool {
        self.nodes[id].hidden
    }

    /// The first element with that id.
    pub(super) fn by_id(&self, id: &str) -> Option<NodeId> {
        self.ids.get(id).copied()
    }

    /// All text inside an element, as written (DOM `textContent`).
    pub(super) fn text_content(&self, id: NodeId) -> String {
        self.nodes[id..self.nodes[id].end]
            .iter()
            .filter_map(|node| match &node.data {
                Data::Text(text) => Some(text.as_str()),
                Data::Element(_) => None,
            })
            .collect()
    }
}

/// Which elements a CSS selector matches, by their place in the [`Dom`] of the same text.
///
/// The text is parsed again: selectors need `scraper`'s tree, and few locators are CSS.
pub(super) fn select(text: &str, selector: &Selector) -> Vec<NodeId> {
    let html = parse(text).html;
    elements_and_texts(&html)
        .enumerate()
        .filter_map(|(id, node)| ElementRef::wrap(node).filter(|element| selector.matches(element)).map(|_| id))
        .collect()
}

/// What a [`Dom`] is made of: comments and the like are left out, a template's content fragment is transparent.
fn elements_and_texts(html: &Html) -> impl Iterator<Item = TreeNode<'_>> {
    html.tree.root().descendants().filter(|node| matches!(node.value(), HtmlNode::Element(_) | HtmlNode::Text(_)))
}

/// `ego_tree::NodeRef`, which `scraper` hands out but does not name.
type TreeNode<'a> = <ElementRef<'a> as std::ops::Deref>::Target;

/// Whether an element and all in it is left out of what a person sees: HTML §15.3.1 "hidden elements", an inline style
/// that hides, the `hidden` attribute. Style sheets are not read. `<noscript>` shows, for no script runs; so does a
/// closed `<details>`, which a person opens without script; so does a declarative shadow root.
fn is_unrendered(element: &Element) -> bool {
    let by_nature = match element.name.as_str() {
        "script" | "style" | "head" | "title" | "meta" | "link" | "base" | "datalist" | "area" | "param" | "track" | "source" | "rp"
        | "noembed" | "noframes" | "iframe" | "object" | "audio" | "video" | "canvas" => true,
        "template" => !element.has("shadowrootmode"),
        "dialog" => !element.has("open"),
        "input" => element.keyword("type") == "hidden",
        _ => false,
    };
    by_nature || element.has("hidden") || element.attr("style").is_some_and(style_hides)
}

fn style_hides(style: &str) -> bool {
    style.split(';').filter_map(|declaration| declaration.split_once(':')).any(|(property, value)| {
        let value = value.split('!').next().unwrap_or_default().trim();
        let is = |name: &str| property.trim().eq_ignore_ascii_case(name);
        (is("display") && value.eq_ignore_ascii_case("none"))
            || (is("visibility") && (value.eq_ignore_ascii_case("hidden") || value.eq_ignore_ascii_case("collapse")))
    })
}
