//! The same page, the same locator: the same element in the http engine and in a browser.
