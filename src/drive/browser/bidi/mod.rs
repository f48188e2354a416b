//! The WebDriver BiDi socket: commands with ids and deadlines, and events of which none is lost.
