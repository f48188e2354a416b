//! The scenario as it is written: YAML types with places, includes laid together, and their JSON Schema.
//!
//! In: one YAML file and the files it `use`s, read through an [`Environment`]. Out: [`Loaded`], one scenario with all
//! its parts still text, each knowing where it stands, for `plan` to compile.

pub mod alone;
pub mod backing;
pub mod browser;
pub mod environment;
pub mod expect;
pub mod fault;
pub mod file;
pub mod gotrue;
pub mod load;
pub mod node;
pub mod origin;
pub mod probe;
pub mod read;
pub mod request;
pub mod schema;
pub mod step;

pub use environment::{Diagnostics, Environment};
pub use file::Scenario;
pub use load::{Loaded, System, load, load_from};
pub use schema::schema;
