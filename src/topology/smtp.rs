//! A mail server that takes every mail into the run's inbox: the part of RFC 5321 that mail libraries speak.
//!
//! The protocol is parsed by `smtp-proto`, mails by `mail-parser`. AUTH takes any credentials (RFC 4954), STARTTLS is not offered,
//! and nothing is ever passed on.

use super::inbox::{Channel, Draft, Inbox};
use crate::plan::SmtpPlan;
use mail_parser::{MessageParser, PartType};
use smtp_proto::request::receiver::{DataReceiver, DummyDataReceiver, LineReceiver, RequestReceiver};
use smtp_proto::{AUTH_LOGIN, AUTH_PLAIN, Error, Request};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::slice::Iter;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{AbortHandle, JoinSet};

/// Largest mail, in bytes; announced by SIZE (RFC 1870).
const LARGEST: usize = 4 * 1024 * 1024;
/// Most recipients of one mail (RFC 5321 §4.5.3.1.8 asks for a hundred at least).
const MOST_RECIPIENTS: usize = 100;
/// Most connections at once.
const MOST_CONNECTIONS: usize = 64;
/// How long a connection may be silent.
const IDLE: Duration = Duration::from_secs(60);
/// How long accepting rests after the system refused.
const ACCEPT_REST: Duration = Duration::from_millis(50);

/// A mail server that serves, until dropped.
#[derive(Debug)]
pub(crate) struct SmtpServer {
    address: SocketAddr,
    task: AbortHandle,
}

impl SmtpServer {
    /// Serves on a free port of this machine.
    ///
    /// # Errors
    /// When the system gives no port.
    pub(crate) async fn start(plan: SmtpPlan, inbox: Inbox) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(serve(listener, Arc::new(plan), inbox)).abort_handle();
        Ok(Self { address, task })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, plan: Arc<SmtpPlan>, inbox: Inbox) {
    let free = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let Ok(permit) = free.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let (plan, inbox) = (plan.clone(), inbox.clone());
                connections.spawn(async move {
                    // What goes wrong here is the client's affair: it sees the connection end.
                    let _ = Session::new(plan, inbox).run(stream).await;
                    drop(permit);
                });
            }
            Err(_) => tokio::time::sleep(ACCEPT_REST).await,
        }
        while connections.try_join_next().is_some() {}
    }
}

/// What the next bytes of a connection are.
enum Reading {
    Commands(RequestReceiver),
    /// So many further lines of an AUTH exchange.
    Credentials(LineReceiver<()>, u8),
    Mail(DataReceiver),
    /// The rest of a mail that is too large.
    Rest(DummyDataReceiver),
}

/// One connection.
struct Session {
    plan: Arc<SmtpPlan>,
    inbox: Inbox,
    reading: Reading,
    greeted: bool,
    from: Option<String>,
    to: Vec<String>,
    mail: Vec<u8>,
    /// Whether the accepted mail is still to be waited for.
    pause: bool,
}

impl Session {
    fn new(plan: Arc<SmtpPlan>, inbox: Inbox) -> Self {
        let reading = Reading::Commands(RequestReceiver::default());
        Self { plan, inbox, reading, greeted: false, from: None, to: Vec::new(), mail: Vec::new(), pause: false }
    }

    async fn run(mut self, mut stream: TcpStream) -> io::Result<()> {
        stream.write_all(b"220 authchain ESMTP\r\n").await?;
        let mut buffer = vec![0; 16 * 1024];
        loop {
            let read = tokio::time::timeout(IDLE, stream.read(&mut buffer)).await??;
            if read == 0 {
                return Ok(());
            }
            let mut bytes = buffer[..read].iter();
            loop {
                let Some(reply) = self.step(&mut bytes) else { break };
                if std::mem::take(&mut self.pause) && !self.plan.delay.is_zero() {
                    tokio::time::sleep(self.plan.delay).await;
                }
                stream.write_all(format!("{reply}\r\n").as_bytes()).await?;
                if reply.starts_with("221") || reply.starts_with("421") {
                    return stream.shutdown().await;
                }
            }
        }
    }

    /// Reads on; the reply to what is complete, or `None` when more bytes are wanted.
    fn step(&mut self, bytes: &mut Iter<'_, u8>) -> Option<String> {
        if bytes.as_slice().is_empty() {
            return None;
        }
        match &mut self.reading {
            Reading::Commands(receiver) => {
                let request = match receiver.ingest(bytes) {
                    Ok(request) => Ok(request.into_owned()),
                    Err(Error::NeedsMoreData { .. }) => return None,
                    Err(error) => Err(error),
                };
                Some(match request {
                    Ok(request) => self.command(request),
                    Err(error) => refusal(&error),
                })
            }
            Reading::Credentials(line, left) => {
                if !line.ingest(bytes) {
                    return None;
                }
                let (cancelled, left) = (line.buf.trim_ascii() == b"*", *left - 1);
                if cancelled || left == 0 {
                    self.reading = Reading::Commands(RequestReceiver::default());
                    return Some(if cancelled { "501 5.7.0 cancelled" } else { "235 2.7.0 anybody may" }.to_owned());
                }
                self.reading = Reading::Credentials(LineReceiver::new(()), left);
                // "Password:" in base64, as clients of LOGIN know it.
                Some("334 UGFzc3dvcmQ6".to_owned())
            }
            Reading::Mail(receiver) => {
                let whole = receiver.ingest(bytes, &mut self.mail);
                if self.mail.len() > LARGEST {
                    self.mail = Vec::new();
                    if whole {
                        return Some(self.too_large());
                    }
                    self.reading = Reading::Rest(DummyDataReceiver::new_data(receiver));
                    return self.step(bytes);
                }
                whole.then(|| self.take())
            }
            Reading::Rest(receiver) => receiver.ingest(bytes).then(|| self.too_large()),
        }
    }

    fn command(&mut self, request: Request<String>) -> String {
        match request {
            Request::Ehlo { .. } => {
                self.reset();
                self.greeted = true;
                format!(
                    "250-authchain\r\n250-AUTH PLAIN LOGIN\r\n250-SIZE {LARGEST}\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-ENHANCEDSTATUSCODES\r\n250 PIPELINING"
                )
            }
            Request::Helo { .. } => {
                self.reset();
                self.greeted = true;
                "250 authchain".to_owned()
            }
            Request::Auth { mechanism, initial_response } => self.auth(mechanism, &initial_response),
            Request::Mail { .. } if !self.greeted => "503 5.5.1 say EHLO first".to_owned(),
            Request::Mail { .. } if self.from.is_some() => "503 5.5.1 one mail at a time".to_owned(),
            Request::Mail { from } => {
                self.from = Some(from.address);
                "250 2.1.0 ok".to_owned()
            }
            Request::Rcpt { .. } if self.from.is_none() => "503 5.5.1 say MAIL first".to_owned(),
            Request::Rcpt { to } => match self.plan.reject {
                Some(code) => format!("{code} {}.1.1 refused, as the scenario wants it", code / 100),
                None if self.to.len() >= MOST_RECIPIENTS => "452 4.5.3 too many recipients".to_owned(),
                None => {
                    self.to.push(to.address);
                    "250 2.1.5 ok".to_owned()
                }
            },
            Request::Data if self.to.is_empty() => "503 5.5.1 say RCPT first".to_owned(),
            Request::Data => {
                self.reading = Reading::Mail(DataReceiver::new());
                "354 go on; a line with a full stop ends it".to_owned()
            }
            Request::Rset => {
                self.reset();
                "250 2.0.0 ok".to_owned()
            }
            Request::Noop { .. } => "250 2.0.0 ok".to_owned(),
            Request::Vrfy { .. } => "252 2.1.5 send it and see".to_owned(),
            Request::Help { .. } => "214 2.0.0 every mail goes into the inbox of the run".to_owned(),
            Request::Quit => "221 2.0.0 bye".to_owned(),
            Request::StartTls => "502 5.5.1 no TLS here".to_owned(),
            other => format!("502 5.5.1 {} is not offered", other.name()),
        }
    }

    fn auth(&mut self, mechanism: u64, initial: &str) -> String {
        let lines = match mechanism {
            AUTH_PLAIN if initial.is_empty() => 1,
            AUTH_LOGIN if initial.is_empty() => 2,
            AUTH_LOGIN => 1,
            AUTH_PLAIN => return "235 2.7.0 anybody may".to_owned(),
            _ => return "504 5.5.4 PLAIN or LOGIN".to_owned(),
        };
        self.reading = Reading::Credentials(LineReceiver::new(()), lines);
        match (mechanism, lines) {
            (AUTH_LOGIN, 2) => "334 VXNlcm5hbWU6".to_owned(),
            (AUTH_LOGIN, _) => "334 UGFzc3dvcmQ6".to_owned(),
            _ => "334 ".to_owned(),
        }
    }

    fn reset(&mut self) {
        self.from = None;
        self.to.clear();
        self.mail = Vec::new();
        self.reading = Reading::Commands(RequestReceiver::default());
    }

    fn too_large(&mut self) -> String {
        self.reset();
        "552 5.3.4 the mail is too large".to_owned()
    }

    /// The mail is complete.
    fn take(&mut self) -> String {
        let draft = read(&self.mail, self.from.take().unwrap_or_default(), std::mem::take(&mut self.to));
        self.inbox.deliver(draft);
        self.reset();
        self.pause = true;
        "250 2.0.0 in the inbox".to_owned()
    }
}

fn refusal(error: &Error) -> String {
    match error {
        Error::InvalidSenderAddress => "501 5.1.7 that is no address".to_owned(),
        Error::InvalidRecipientAddress => "501 5.1.3 that is no address".to_owned(),
        Error::SyntaxError { syntax } => format!("501 5.5.2 the form is {syntax}"),
        Error::InvalidParameter { param } => format!("501 5.5.4 {param} cannot be read"),
        Error::UnsupportedParameter { .. } => "555 5.5.4 a parameter is not known".to_owned(),
        Error::ResponseTooLong => "421 5.5.2 the line is too long".to_owned(),
        Error::UnknownCommand | Error::NeedsMoreData { .. } | Error::InvalidResponse { .. } => "500 5.5.1 that is no command".to_owned(),
    }
}

/// A mail by its envelope and its parts. One that cannot be read as such is taken as plain text.
fn read(mail: &[u8], sender: String, to: Vec<String>) -> Draft {
    let Some(message) = MessageParser::default().parse(mail) else {
        return Draft {
            channel: Channel::Mail,
            from: sender,
            to,
            subject: None,
            text: String::from_utf8_lossy(mail).into_owned(),
            html: None,
        };
    };
    let texts = message.text_bodies().filter_map(|part| match &part.body {
        PartType::Text(text) => Some(text.as_ref()),
        _ => None,
    });
    let htmls = message.html_bodies().filter_map(|part| match &part.body {
        PartType::Html(html) => Some(html.as_ref()),
        _ => None,
    });
    let html = htmls.collect::<Vec<_>>().join("\n");
    let shown = message.from().and_then(|from| from.first()).and_then(|first| first.address()).map(str::to_owned);
    Draft {
        channel: Channel::Mail,
        from: shown.unwrap_or(sender),
        to,
        subject: message.subject().map(str::to_owned),
        text: texts.collect::<Vec<_>>().join("\n"),
        html: (!html.is_empty()).then_some(html),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    async fn server(plan: SmtpPlan) -> (SmtpServer, Inbox) {
        let inbox = Inbox::default();
        (SmtpServer::start(plan, inbox.clone()).await.unwrap(), inbox)
    }

    /// Says all at once and hands back what was answered.
    async fn talk(server: &SmtpServer, said: &str) -> String {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        stream.write_all(said.replace('\n', "\r\n").as_bytes()).await.unwrap();
        let mut answers = String::new();
        tokio::time::timeout(Duration::from_secs(20), stream.read_to_string(&mut answers)).await.unwrap().unwrap();
        answers
    }

    fn codes(answers: &str) -> Vec<&str> {
        answers.lines().filter(|line| line.as_bytes().get(3) == Some(&b' ')).map(|line| &line[..3]).collect()
    }

    #[tokio::test]
    async fn a_mail_arrives_with_its_parts_decoded() {
        let (server, inbox) = server(SmtpPlan::default()).await;
        let said = "EHLO app\nAUTH PLAIN AGFkYQBwdw==\nMAIL FROM:<bounce@x.test> SIZE=900\nRCPT TO:<ada@x.test>\nRCPT TO:<bob@x.test>\nDATA\n\
            From: Salon <no-reply@x.test>\nSubject: =?utf-8?B?w5xiZXIgZGVuIENvZGU=?=\nMIME-Version: 1.0\n\
            Content-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/plain; charset=utf-8\n\
            Content-Transfer-Encoding: quoted-printable\n\nYour c=\node is 482913\n..dot\n--b\nContent-Type: text/html\n\n\
            <p>Your code is <b>482913</b></p>\n--b--\n.\nQUIT\n";
        let answers = talk(&server, said).await;
        assert_eq!(codes(&answers), ["220", "250", "235", "250", "250", "250", "354", "250", "221"], "{answers}");
        let messages = inbox.messages();
        let draft = &messages[0].draft;
        assert_eq!((draft.from.as_str(), draft.subject.as_deref()), ("no-reply@x.test", Some("Über den Code")));
        assert_eq!(draft.to, ["ada@x.test", "bob@x.test"]);
        assert_eq!(draft.text, "Your code is 482913\n.dot");
        assert!(draft.html.as_deref().is_some_and(|html| html.contains("<b>482913</b>")));
    }

    #[tokio::test]
    async fn of_html_alone_the_text_is_read() {
        let (server, inbox) = server(SmtpPlan::default()).await;
        let said = "HELO app\nMAIL FROM:<>\nRCPT TO:<ada@x.test>\nDATA\nContent-Type: text/html\n\n<p>Code</p><p>482913</p>\n.\nQUIT\n";
        assert!(talk(&server, said).await.contains("\r\n250 2.0.0 in the inbox\r\n"));
        assert_eq!(inbox.messages()[0].draft.text, "Code\n482913");
    }

    #[tokio::test]
    async fn several_mails_and_login_go_over_one_connection() {
        let (server, inbox) = server(SmtpPlan::default()).await;
        let mail = "MAIL FROM:<a@x.test>\nRCPT TO:<b@x.test>\nDATA\nSubject: x\n\nhi\n.\n";
        let said = format!("EHLO app\nAUTH LOGIN\nYWRh\ncHc=\n{mail}RSET\n{mail}STARTTLS\nNONSENSE\nDATA\nQUIT\n");
        let answers = talk(&server, &said).await;
        let expected =
            ["220", "250", "334", "334", "235", "250", "250", "354", "250", "250", "250", "250", "354", "250", "502", "500", "503", "221"];
        assert_eq!(codes(&answers), expected, "{answers}");
        assert_eq!(inbox.messages().len(), 2);
    }

    #[tokio::test]
    async fn a_refusal_is_what_the_scenario_says_and_a_mail_may_take_its_time() {
        let (refusing, inbox) = server(SmtpPlan { reject: Some(451), ..SmtpPlan::default() }).await;
        let answers = talk(&refusing, "EHLO app\nMAIL FROM:<a@x.test>\nRCPT TO:<b@x.test>\nQUIT\n").await;
        assert!(answers.contains("451 4.1.1 refused"), "{answers}");
        assert!(inbox.messages().is_empty());
        let delay = Duration::from_millis(200);
        let (slow, _) = server(SmtpPlan { delay, ..SmtpPlan::default() }).await;
        let began = std::time::Instant::now();
        talk(&slow, "EHLO app\nMAIL FROM:<a@x.test>\nRCPT TO:<b@x.test>\nDATA\n\nhi\n.\nQUIT\n").await;
        assert!(began.elapsed() >= delay);
    }

    #[tokio::test]
    async fn a_mail_that_is_too_large_is_read_to_its_end_and_refused() {
        let (server, inbox) = server(SmtpPlan::default()).await;
        let line = format!("{}\n", "x".repeat(998));
        let said = format!("EHLO a\nMAIL FROM:<a@x.test>\nRCPT TO:<b@x.test>\nDATA\n{}.\nNOOP\nQUIT\n", line.repeat(LARGEST / 1000 + 10));
        let answers = talk(&server, &said).await;
        assert_eq!(codes(&answers), ["220", "250", "250", "250", "354", "552", "250", "221"]);
        assert!(inbox.messages().is_empty());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 0..6)) {
            let mut session = Session::new(Arc::default(), Inbox::default());
            session.greeted = true;
            for chunk in &chunks {
                let mut bytes = chunk.iter();
                while session.step(&mut bytes).is_some() {}
            }
            let _ = read(&chunks.concat(), String::new(), Vec::new());
        }
    }
}
