//! The events that a recorder needs.

use crate::drive::browser::launch::BrowserKind;

/// What both browsers tell.
const EVENTS: [&str; 12] = [
    "browsingContext.contextCreated",
    "browsingContext.contextDestroyed",
    "browsingContext.navigationStarted",
    "browsingContext.navigationCommitted",
    "browsingContext.fragmentNavigated",
    "browsingContext.load",
    "browsingContext.navigationFailed",
    "browsingContext.downloadWillBegin",
    "browsingContext.userPromptOpened",
    "browsingContext.userPromptClosed",
    "log.entryAdded",
    "browsingContext.domContentLoaded",
];
/// What Chromium tells beside.
const CHROMIUM: [&str; 15] = [
    // Firefox ESR 153 refuses to tell it.
    "browsingContext.navigationAborted",
    "goog:cdp.Network.requestWillBeSent",
    "goog:cdp.Network.requestWillBeSentExtraInfo",
    "goog:cdp.Network.responseReceived",
    "goog:cdp.Network.responseReceivedExtraInfo",
    "goog:cdp.Network.requestServedFromCache",
    "goog:cdp.Network.loadingFinished",
    "goog:cdp.Network.loadingFailed",
    "goog:cdp.Page.frameRequestedNavigation",
    "goog:cdp.Page.frameScheduledNavigation",
    "goog:cdp.Page.frameClearedScheduledNavigation",
    "goog:cdp.Page.frameStartedNavigating",
    "goog:cdp.Page.windowOpen",
    "goog:cdp.Target.attachedToTarget",
    // What the page library tells while its page goes away.
    "goog:cdp.Runtime.consoleAPICalled",
];
/// What Firefox tells beside.
const FIREFOX: [&str; 4] = ["network.beforeRequestSent", "network.responseStarted", "network.responseCompleted", "network.fetchError"];

/// What a browser must be told to tell; once for all its devices, since it tells everything as often as it is told to.
pub(crate) fn events(kind: BrowserKind) -> Vec<&'static str> {
    let more: &[&str] = if kind == BrowserKind::Chromium { &CHROMIUM } else { &FIREFOX };
    EVENTS.iter().chain(more).copied().collect()
}
