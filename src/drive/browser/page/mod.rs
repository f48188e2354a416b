//! What a person does with a page, in a real one.
