//! From YAML values to types: strict about keys, and telling all that is wrong at once.
//!
//! A type says with [`FromYaml`] how it is read and with `JsonSchema` how an editor may complete it; [`record!`] writes
//! both from one list of fields, so that the two cannot drift apart. A value that cannot be read is noted in the
//! [`Reader`] and reading goes on beside it.

use super::node::{Key, Kind, Node};
use crate::base::diagnostic::nearest;
use crate::base::{Diagnostic, Span};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;

/// Notes what is wrong while types are read.
#[derive(Debug, Default)]
pub struct Reader {
    /// What was wrong so far, in the order of the file.
    pub diagnostics: Vec<Diagnostic>,
}

impl Reader {
    /// Notes one fault.
    pub fn fault(&mut self, diagnostic: Diagnostic) {
        if self.diagnostics.len() <= super::Diagnostics::MOST {
            self.diagnostics.push(diagnostic);
        }
    }

    /// Notes that `node` is not what was wanted there.
    pub fn wanted<T>(&mut self, node: &Node, wanted: &str) -> Option<T> {
        self.fault(Diagnostic::error(format!("expected {wanted}, found {}", node.describe())).at(node.span, ""));
        None
    }

    /// The entries of a mapping.
    pub fn mapping<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n [(Key, Node)]> {
        match node.entries() {
            Some(entries) => Some(entries),
            None => self.wanted(node, what),
        }
    }

    /// Notes every key that is not among `known`.
    pub fn only(&mut self, entries: &[(Key, Node)], known: &[&str]) {
        for (key, _) in entries {
            if !known.contains(&key.name.as_str()) && self.diagnostics.len() <= super::Diagnostics::MOST {
                self.fault(unknown("key", key, known));
            }
        }
    }

    /// The value of `name`, or what stands for it when it is not there.
    pub fn field<T: FromYaml>(&mut self, entries: &[(Key, Node)], name: &str, whole: Span) -> Option<T> {
        match entries.iter().find(|(key, _)| key.name == name) {
            Some((_, node)) => T::read(node, self),
            None => T::missing().or_else(|| {
                self.fault(Diagnostic::error(format!("`{name}` is missing")).at(whole, "in this mapping"));
                None
            }),
        }
    }
}

/// `word` is not known; the nearest of `known` is offered, or all of them when none is near.
pub fn unknown(what: &str, word: &Key, known: &[&str]) -> Diagnostic {
    let diagnostic = Diagnostic::error(format!("unknown {what} `{}`", word.name)).at(word.span, "");
    match nearest(&word.name, known.iter().copied()) {
        Some(near) => diagnostic.hint(format!("did you mean `{near}`?")),
        None if known.is_empty() => diagnostic,
        None => diagnostic.hint(format!("known here: {}", known.join(", "))),
    }
}

/// A type that can be read from YAML.
pub trait FromYaml: JsonSchema + Sized {
    /// Reads it; `None` after noting why not.
    fn read(node: &Node, reader: &mut Reader) -> Option<Self>;

    /// What stands for it where its key is absent; `None` when the key is required.
    fn missing() -> Option<Self> {
        None
    }

    /// What its key takes, for editors.
    fn field_schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<Self>()
    }
}

impl FromYaml for Node {
    fn read(node: &Node, _: &mut Reader) -> Option<Self> {
        Some(node.clone())
    }
}

impl JsonSchema for Node {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Value".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!(true)
    }
}

impl<T: FromYaml> FromYaml for Option<T> {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        T::read(node, reader).map(Some)
    }

    fn missing() -> Option<Self> {
        Some(None)
    }

    // The key may be left out; `null` in its place is no value (schemars would allow it).
    fn field_schema(generator: &mut SchemaGenerator) -> Schema {
        T::field_schema(generator)
    }
}

impl<T: FromYaml> FromYaml for Box<T> {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        T::read(node, reader).map(Self::new)
    }
}

impl<T: FromYaml> FromYaml for Vec<T> {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let Kind::List(items) = &node.kind else { return reader.wanted(node, "a list") };
        Some(items.iter().filter_map(|item| T::read(item, reader)).collect())
    }

    fn missing() -> Option<Self> {
        Some(Self::new())
    }
}

macro_rules! whole_number {
    ($($int:ty),*) => {$(
        impl FromYaml for $int {
            fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
                let value = match &node.kind {
                    Kind::Number(number, _) => number.as_u64(),
                    _ => None,
                };
                match value.and_then(|value| Self::try_from(value).ok()) {
                    Some(value) => Some(value),
                    None => reader.wanted(node, &format!("a whole number of at most {}", Self::MAX)),
                }
            }
        }
    )*};
}
whole_number!(u16, u32, u64);

impl FromYaml for bool {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        match node.kind {
            Kind::Bool(value) => Some(value),
            _ => reader.wanted(node, "`true` or `false`"),
        }
    }
}

/// A scalar as text, with its place. Numbers and booleans are taken as they were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// The text.
    pub value: String,
    /// Where it stands.
    pub span: Span,
}

impl FromYaml for Text {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        match node.scalar() {
            Some(value) => Some(Self { value, span: node.span }),
            None => reader.wanted(node, "text"),
        }
    }
}

impl JsonSchema for Text {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number", "boolean"] })
    }
}

/// A value with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Span,
}

impl<T: FromYaml> FromYaml for At<T> {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        Some(Self { value: T::read(node, reader)?, span: node.span })
    }
}

impl<T: JsonSchema> JsonSchema for At<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// A mapping from free names, in the order of the file.
#[derive(Debug, Clone, PartialEq)]
pub struct Map<T>(pub Vec<(Key, T)>);

impl<T> Default for Map<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Map<T> {
    /// The value of `name`.
    pub fn get(&self, name: &str) -> Option<&T> {
        self.0.iter().find(|(key, _)| key.name == name).map(|(_, value)| value)
    }

    /// The names in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| key.name.as_str())
    }

    /// Puts the entries of `other` over these: a name that is here already gets the new value.
    pub fn overlay(&mut self, other: Self) {
        for (key, value) in other.0 {
            match self.0.iter_mut().find(|(known, _)| known.name == key.name) {
                Some(entry) => *entry = (key, value),
                None => self.0.push((key, value)),
            }
        }
    }
}

impl<T: FromYaml> FromYaml for Map<T> {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let entries = reader.mapping(node, "a mapping")?;
        Some(Self(entries.iter().filter_map(|(key, value)| Some((key.clone(), T::read(value, reader)?))).collect()))
    }

    fn missing() -> Option<Self> {
        Some(Self::default())
    }
}

impl<T: JsonSchema> JsonSchema for Map<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("MapOf{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let items = generator.subschema_for::<T>();
        json_schema!({ "type": "object", "additionalProperties": items })
    }
}

/// A value that `null` takes away.
#[derive(Debug, Clone, PartialEq)]
pub struct Nullable<T>(pub Option<T>);

impl<T: FromYaml> FromYaml for Nullable<T> {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        match node.kind {
            Kind::Null => Some(Self(None)),
            _ => T::read(node, reader).map(|value| Self(Some(value))),
        }
    }
}

impl<T: JsonSchema> JsonSchema for Nullable<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Nullable{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let inner = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [inner, { "type": "null" }] })
    }
}

/// One or a list of them.
#[derive(Debug, Clone, PartialEq)]
pub struct OneOrMany<T>(pub Vec<T>);

impl<T> Default for OneOrMany<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: FromYaml> FromYaml for OneOrMany<T> {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        match node.kind {
            Kind::List(_) => Vec::read(node, reader).map(Self),
            _ => T::read(node, reader).map(|one| Self(vec![one])),
        }
    }

    fn missing() -> Option<Self> {
        Some(Self::default())
    }
}

impl<T: JsonSchema> JsonSchema for OneOrMany<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("OneOrMany{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let inner = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [inner, { "type": "array", "items": inner }] })
    }
}

/// `true`, or nothing at all, for keys whose presence says everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag;

impl FromYaml for Flag {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        match node.kind {
            Kind::Null | Kind::Bool(true) => Some(Self),
            _ => reader.wanted(node, "`true` or nothing"),
        }
    }
}

impl JsonSchema for Flag {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Flag".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "enum": [true, null] })
    }
}

/// Either a short form (text) or the long one.
#[derive(Debug, Clone, PartialEq)]
pub enum Short<T> {
    /// Text alone.
    Text(Text),
    /// The mapping or list.
    Long(At<T>),
}

impl<T: FromYaml> FromYaml for Short<T> {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        match node.kind {
            Kind::Map(_) | Kind::List(_) => At::read(node, reader).map(Self::Long),
            _ => Text::read(node, reader).map(Self::Text),
        }
    }
}

impl<T: JsonSchema> JsonSchema for Short<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Short{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let text = Text::json_schema(generator);
        let long = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [text, long] })
    }
}

/// A mapping with fixed keys: the struct, how it is read and its JSON Schema, from one list.
///
/// Fields are required unless their type has a [`missing`](FromYaml::missing) value; `r#` before a field is no part of its key.
macro_rules! record {
    ($(#[doc = $about:literal])* pub struct $name:ident { $($(#[doc = $field_about:literal])* pub $field:ident: $ty:ty),* $(,)? }) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $($(#[doc = $field_about])* pub $field: $ty,)*
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let fields = vec![$((
                    $crate::scenario::read::key(stringify!($field)),
                    [$($field_about),*].concat(),
                    <$ty as $crate::scenario::read::FromYaml>::missing().is_none(),
                    <$ty as $crate::scenario::read::FromYaml>::field_schema(generator),
                )),*];
                $crate::scenario::schema::mapping(&[$($about),*].concat(), fields)
            }
        }

        impl $name {
            /// The keys it may have.
            pub const KEYS: &'static [&'static str] = &[$($crate::scenario::read::key(stringify!($field))),*];
        }

        impl $crate::scenario::read::FromYaml for $name {
            fn read(node: &$crate::scenario::node::Node, reader: &mut $crate::scenario::read::Reader) -> Option<Self> {
                let entries = reader.mapping(node, "a mapping")?;
                reader.only(entries, Self::KEYS);
                $(let $field = reader.field(entries, $crate::scenario::read::key(stringify!($field)), node.span);)*
                Some(Self { $($field: $field?,)* })
            }
        }
    };
}
pub(crate) use record;

/// The key of a field: its name without `r#`.
#[must_use]
pub const fn key(field: &'static str) -> &'static str {
    match field.as_bytes() {
        [b'r', b'#', ..] => field.split_at(2).1,
        _ => field,
    }
}

#[cfg(test)]
#[allow(unreachable_pub)] // `record!` writes `pub` items.
mod tests {
    use super::*;
    use crate::base::Sources;
    use crate::scenario::node;

    record! {
        /// A sample.
        pub struct Sample {
            /// Required.
            pub name: Text,
            /// Not required.
            pub r#as: Option<u16>,
            /// Not required either.
            pub list: Vec<bool>,
        }
    }

    fn read<T: FromYaml>(text: &str) -> (Option<T>, String) {
        let mut sources = Sources::default();
        let id = sources.add("a.yaml", text);
        let node = node::parse(id, text).unwrap().unwrap();
        let mut reader = Reader::default();
        let value = T::read(&node, &mut reader);
        (value, reader.diagnostics.iter().map(|d| d.render(&sources, false)).collect::<Vec<_>>().join("\n"))
    }

    #[test]
    fn a_record_takes_its_keys_and_nothing_else() {
        let (sample, faults) = read::<Sample>("name: 1.10\nas: 7\n");
        assert_eq!(faults, "");
        let sample = sample.unwrap();
        assert_eq!((sample.name.value.as_str(), sample.r#as, sample.list.len()), ("1.10", Some(7), 0));
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        let (_, faults) = read::<Sample>("nmae: x\nas: -1\nlist: [true, 2, no]\n");
        for part in
            ["unknown key `nmae`", "did you mean `name`?", "`name` is missing", "expected a whole number", "found a number", "found text"]
        {
            assert!(faults.contains(part), "{part} in {faults}");
        }
    }

    #[test]
    fn overlays_replace_in_place() {
        let mut below = read::<Map<Text>>("a: 1\nb: 2\n").0.unwrap();
        below.overlay(read::<Map<Text>>("b: 3\nc: 4\n").0.unwrap());
        let all: Vec<_> = below.0.iter().map(|(key, text)| (key.name.as_str(), text.value.as_str())).collect();
        assert_eq!(all, [("a", "1"), ("b", "3"), ("c", "4")]);
    }
}
