//! The rules of the web itself, pure and without IO: cookies, redirects, forms, OAuth vocabulary.

pub mod headers;
pub mod html;
pub mod origin;
