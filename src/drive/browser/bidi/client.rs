//! The socket, and who waits for what comes out of it.

use super::error::BidiError;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use http::header::{AUTHORIZATION, HeaderValue};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};
use url::Url;

/// Largest message, in bytes: a picture of a long page, or a body of the largest size that a run may ask for, in base64.
const LARGEST: usize = 256 * 1024 * 1024;
/// Longest message of an error that is kept, in bytes.
const LONGEST_ERROR: usize = 2000;

/// A connection to one browser. Clones share it; it is closed when the last one goes.
#[derive(Clone)]
pub(crate) struct Bidi {
    shared: Arc<Shared>,
    outgoing: mpsc::UnboundedSender<String>,
}

impl std::fmt::Debug for Bidi {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Bidi")
    }
}

/// Something that the browser tells.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    /// Its name: `network.responseCompleted`.
    pub(crate) method: String,
    /// All that it says.
    pub(crate) params: Value,
    /// When it came.
    pub(crate) at: Instant,
}

struct Shared {
    next: AtomicU64,
    waiting: Mutex<Waiting>,
    /// Why the connection is gone, once it is.
    ended: watch::Sender<Option<String>>,
}

#[derive(Default)]
struct Waiting {
    /// Commands without an answer so far.
    answers: HashMap<u64, oneshot::Sender<Value>>,
    listeners: Vec<mpsc::UnboundedSender<Arc<Event>>>,
}

impl Bidi {
    /// Connects to a `ws:` URL.
    ///
    /// # Errors
    /// When nobody listens there, or somebody who speaks something else.
    pub(crate) async fn connect(url: &str) -> Result<Self, BidiError> {
        let failed = |why: String| BidiError::Unreachable { url: without_credentials(url), why };
        let parsed = Url::parse(url).map_err(|error| failed(error.to_string()))?;
        let host = parsed.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let port = parsed.port_or_known_default().unwrap_or(80);
        let stream = TcpStream::connect((host.as_str(), port)).await.map_err(|error| failed(error.to_string()))?;
        // Without it a command waits for the acknowledgement of the one before.
        stream.set_nodelay(true).map_err(|error| failed(error.to_string()))?;
        Self::over(stream, url).await
    }

    /// Speaks over a stream that leads to `url`.
    ///
    /// # Errors
    /// When the other side does not speak WebSocket there.
    pub(crate) async fn over<S>(stream: S, url: &str) -> Result<Self, BidiError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let config = WebSocketConfig::default().max_message_size(Some(LARGEST)).max_frame_size(Some(LARGEST));
        let failed = |error: tungstenite::Error| BidiError::Unreachable { url: without_credentials(url), why: error.to_string() };
        let mut request = url.into_client_request().map_err(failed)?;
        if let Some(credentials) = credentials(url) {
            request.headers_mut().insert(AUTHORIZATION, credentials);
        }
        let upgraded = tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await;
        let (socket, _) = upgraded.map_err(failed)?;
        let (sink, source) = socket.split();
        let (outgoing, queue) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared { next: AtomicU64::new(1), waiting: Mutex::default(), ended: watch::Sender::new(None) });
        tokio::spawn(run(sink, source, queue, shared.clone()));
        Ok(Self { shared, outgoing })
    }

    /// Sends a command and waits for its result.
    ///
    /// # Errors
    /// When the browser refuses, does not answer before `deadline`, or is gone.
    pub(crate) async fn send(&self, method: &str, params: Value, deadline: Instant) -> Result<Value, BidiError> {
        let began = Instant::now();
        let id = self.shared.next.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        // Registered before the look at the end: whoever ends the connection takes all that is registered.
        self.shared.waiting().answers.insert(id, answer);
        let _forget = Forget { shared: &self.shared, id };
        if let Some(why) = self.ended() {
            return Err(BidiError::Gone(why));
        }
        let message = json!({ "id": id, "method": method, "params": params }).to_string();
        let gone = || BidiError::Gone(self.ended().unwrap_or_else(|| "it was closed".to_owned()));
        self.outgoing.send(message).map_err(|_| gone())?;
        let answer = match tokio::time::timeout_at(deadline, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => return Err(gone()),
            Err(_) => return Err(BidiError::Late { command: method.to_owned(), waited: began.elapsed() }),
        };
        outcome(method, answer)
    }

    /// A command of the Chrome DevTools Protocol, over the same socket; Chromium alone knows it.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub(crate) async fn cdp(&self, session: Option<&str>, method: &str, params: Value, deadline: Instant) -> Result<Value, BidiError> {
        let mut command = json!({ "method": method, "params": params });
        if let Some(session) = session {
            command["session"] = session.into();
        }
        let mut answer = self.send("goog:cdp.sendCommand", command, deadline).await?;
        Ok(answer.get_mut("result").map(Value::take).unwrap_or_default())
    }

    /// Every event from now on, in order. The channel ends when the connection does.
    pub(crate) fn events(&self) -> mpsc::UnboundedReceiver<Arc<Event>> {
        let (listener, events) = mpsc::unbounded_channel();
        let mut waiting = self.shared.waiting();
        if self.ended().is_none() {
            waiting.listeners.push(listener);
        }
        events
    }

    /// Why the connection is gone, if it is.
    pub(crate) fn ended(&self) -> Option<String> {
        self.shared.ended.borrow().clone()
    }

    /// Waits until the connection is gone, and says why.
    #[cfg(test)]
    pub(crate) async fn when_ended(&self) -> String {
        let mut ended = self.shared.ended.subscribe();
        let why = ended.wait_for(Option::is_some).await.ok().and_then(|why| why.clone());
        why.unwrap_or_else(|| "it was closed".to_owned())
    }
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells everybody who waits that nothing will come any more.
    fn end(&self, why: String) {
        self.ended.send_replace(Some(why));
        let waiting = std::mem::take(&mut *self.waiting());
        drop(waiting);
    }

    /// Hands a message to whoever waits for it.
    fn take(&self, text: &str) {
        let Ok(mut message) = serde_json::from_str::<Value>(text) else { return };
        if let Some(id) = message.get("id").and_then(Value::as_u64) {
            let waiting = self.waiting().answers.remove(&id);
            if let Some(waiting) = waiting {
                // Whoever asked may have stopped waiting.
                let _ = waiting.send(message);
            }
            return;
        }
        let Some(method) = message.get("method").and_then(Value::as_str).map(str::to_owned) else { return };
        let params = message.get_mut("params").map(Value::take).unwrap_or_default();
        let event = Arc::new(Event { method, params, at: Instant::now() });
        self.waiting().listeners.retain(|listener| listener.send(event.clone()).is_ok());
    }
}

/// Takes a command off the list whose caller does not wait any more.
struct Forget<'a> {
    shared: &'a Shared,
    id: u64,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.shared.waiting().answers.remove(&self.id);
    }
}

/// Carries messages both ways until one side ends.
async fn run<S>(
    mut sink: SplitSink<WebSocketStream<S>, Message>,
    mut source: SplitStream<WebSocketStream<S>>,
    mut queue: mpsc::UnboundedReceiver<String>,
    shared: Arc<Shared>,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let why = loop {
        tokio::select! {
            message = source.next() => match message {
                Some(Ok(Message::Text(text))) => shared.take(&text),
                Some(Ok(Message::Close(frame))) => {
                    let reason = frame.map(|frame| frame.reason.to_string()).filter(|reason| !reason.is_empty());
                    break reason.unwrap_or_else(|| "the browser closed it".to_owned());
                }
                // Pings are answered by the library.
                Some(Ok(_)) => {}
                Some(Err(error)) => break error.to_string(),
                None => break "the browser closed it".to_owned(),
            },
            message = queue.recv() => match message {
                Some(text) => {
                    if let Err(error) = sink.send(Message::text(text)).await {
                        break error.to_string();
                    }
                }
                None => {
                    let _ = sink.close().await;
                    break "it was closed".to_owned();
                }
            },
        }
    };
    shared.end(why);
}

/// The result of a command, or what the browser says in its place.
fn outcome(method: &str, mut answer: Value) -> Result<Value, BidiError> {
    let text = |name: &str| answer.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    if answer.get("type").and_then(Value::as_str) == Some("error") || answer.get("error").is_some() {
        let mut message = text("message");
        message.truncate(message.floor_char_boundary(LONGEST_ERROR));
        return Err(BidiError::Refused { command: method.to_owned(), code: text("error"), message });
    }
    match answer.get_mut("result") {
        Some(result) => Ok(result.take()),
        None => Err(BidiError::Strange { command: method.to_owned(), why: "it has no `result`".to_owned() }),
    }
}

/// User name and password of a URL as a header field (RFC 7617 §2), which the library does not make of them.
fn credentials(url: &str) -> Option<HeaderValue> {
    let url = Url::parse(url).ok().filter(|url| !url.username().is_empty() || url.password().is_some())?;
    let plain = |text: &str| percent_decode_str(text).collect::<Vec<u8>>();
    let pair = [plain(url.username()), plain(url.password().unwrap_or_default())].join(&b':');
    let mut value = HeaderValue::from_str(&format!("Basic {}", BASE64_STANDARD.encode(pair))).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// A URL without user name and password, for messages.
fn without_credentials(url: &str) -> String {
    let Ok(mut parsed) = Url::parse(url) else { return "a URL that cannot be read".to_owned() };
    let _ = parsed.set_username("");
    let _ = parsed.set_password(None);
    parsed.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::net::TcpListener;

    /// A browser's side that `speak`s once a client is there.
    async fn browser<F, Fut>(speak: F) -> Bidi
    where
        F: FnOnce(WebSocketStream<TcpStream>) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/session/x", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            speak(tokio_tungstenite::accept_async(stream).await.unwrap()).await;
        });
        Bidi::connect(&url).await.unwrap()
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(30)
    }

    async fn next(socket: &mut WebSocketStream<TcpStream>) -> Value {
        serde_json::from_str(socket.next().await.unwrap().unwrap().to_text().unwrap()).unwrap()
    }

    async fn tell(socket: &mut WebSocketStream<TcpStream>, message: Value) {
        socket.send(Message::text(message.to_string())).await.unwrap();
    }

    #[tokio::test]
    async fn answers_find_their_commands_in_any_order() {
        let bidi = browser(|mut socket| async move {
            let (one, other) = (next(&mut socket).await, next(&mut socket).await);
            tell(&mut socket, json!({ "type": "success", "id": other["id"], "result": { "of": other["method"] } })).await;
            tell(&mut socket, json!({ "type": "success", "id": one["id"], "result": { "of": one["method"] } })).await;
        })
        .await;
        let (one, other) = tokio::join!(bidi.send("one", json!({}), soon()), bidi.send("other", json!({}), soon()));
        assert_eq!((one.unwrap()["of"].as_str(), other.unwrap()["of"].as_str()), (Some("one"), Some("other")));
    }

    #[test]
    fn credentials_of_a_url_become_a_header_field() {
        assert_eq!(credentials("wss://ada:p%40ss@grid.test/se/bidi").unwrap(), "Basic YWRhOnBAc3M=");
        assert_eq!(credentials("wss://grid.test/se/bidi"), None);
    }

    #[tokio::test]
    async fn a_refusal_carries_the_browsers_words() {
        let bidi = browser(|mut socket| async move {
            let asked = next(&mut socket).await;
            tell(&mut socket, json!({ "type": "error", "id": asked["id"], "error": "no such frame", "message": "gone" })).await;
        })
        .await;
        let error = bidi.send("script.evaluate", json!({}), soon()).await.unwrap_err();
        assert!(error.is("no such frame") && error.is_of_a_page_that_is_gone());
        assert_eq!(error.to_string(), "the browser refused `script.evaluate`: gone (no such frame)");
    }

    #[tokio::test]
    async fn no_event_is_lost_on_who_listens_late_in_reading() {
        let bidi = browser(|mut socket| async move {
            next(&mut socket).await;
            for n in 0..10_000 {
                tell(&mut socket, json!({ "type": "event", "method": "log.entryAdded", "params": { "n": n, "new": true } })).await;
            }
            socket.close(None).await.unwrap();
        })
        .await;
        let mut events = bidi.events();
        let _ = bidi.send("session.subscribe", json!({}), soon()).await;
        bidi.when_ended().await;
        let mut count = 0;
        while let Some(event) = events.recv().await {
            assert_eq!(event.params, json!({ "n": count, "new": true }));
            count += 1;
        }
        assert_eq!(count, 10_000);
    }

    #[tokio::test]
    async fn who_waits_hears_that_the_browser_is_gone() {
        let bidi = browser(|mut socket| async move {
            next(&mut socket).await;
        })
        .await;
        assert!(matches!(bidi.send("a", json!({}), soon()).await, Err(BidiError::Gone(_))));
        assert!(matches!(bidi.send("b", json!({}), soon()).await, Err(BidiError::Gone(_))));
        assert!(bidi.events().recv().await.is_none());
    }

    #[tokio::test]
    async fn an_answer_that_does_not_come_is_not_waited_for_for_ever() {
        let bidi = browser(|mut socket| async move {
            next(&mut socket).await;
            std::future::pending().await
        })
        .await;
        let error = bidi.send("a", json!({}), Instant::now() + Duration::from_millis(20)).await.unwrap_err();
        assert!(matches!(error, BidiError::Late { .. }), "{error}");
        assert!(bidi.shared.waiting().answers.is_empty());
    }
}
