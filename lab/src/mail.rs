//! Mail that an app sends: one letter over one connection, as plainly as SMTP allows.
//!
//! | variable | meaning | when absent |
//! |---|---|---|
//! | `MAIL_URL` | `smtp://host:port` | mail cannot be sent |

use super::LabError;
use super::env::Env;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

/// How long the mail server may take.
const WITHIN: Duration = Duration::from_secs(10);

/// Host and port of the mail server, if there is one.
pub(super) fn server(env: &Env<'_>) -> Result<Option<String>, LabError> {
    let Some(url) = env.get("MAIL_URL") else { return Ok(None) };
    match url.strip_prefix("smtp://") {
        Some(address) if address.contains(':') => Ok(Some(address.trim_end_matches('/').to_owned())),
        _ => Err(LabError::Invalid { name: "MAIL_URL", expected: "`smtp://host:port`".to_owned() }),
    }
}

/// Sends a letter, headers included, to one recipient.
pub(super) async fn send(server: &str, to: &str, letter: &str) -> Result<(), String> {
    // What goes into a line of SMTP or into a header must stay on it.
    if to.len() > 254 || to.chars().any(|c| c.is_control() || matches!(c, '<' | '>' | ' ')) {
        return Err("that is no mail address".to_owned());
    }
    match tokio::time::timeout(WITHIN, deliver(server, to, letter)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("the mail server took too long".to_owned()),
    }
}

/// One mail over a connection of its own (RFC 5321 §3.3).
async fn deliver(server: &str, to: &str, letter: &str) -> io::Result<()> {
    let mut stream = BufReader::new(TcpStream::connect(server).await?);
    answered(&mut stream, '2').await?;
    let recipient = format!("RCPT TO:<{to}>");
    for (line, class) in [("EHLO lab", '2'), ("MAIL FROM:<no-reply@lab.test>", '2'), (recipient.as_str(), '2'), ("DATA", '3')] {
        stream.write_all(format!("{line}\r\n").as_bytes()).await?;
        answered(&mut stream, class).await?;
    }
    stream.write_all(format!("{letter}.\r\n").as_bytes()).await?;
    answered(&mut stream, '2').await?;
    stream.write_all(b"QUIT\r\n").await?;
    answered(&mut stream, '2').await
}

/// Reads a reply to its last line; any but one of `class` is an error.
async fn answered(stream: &mut BufReader<TcpStream>, class: char) -> io::Result<()> {
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if !line.starts_with(class) {
            return Err(io::Error::other(format!("the mail server said: {}", line.trim_end())));
        }
        if line.as_bytes().get(3) != Some(&b'-') {
            return Ok(());
        }
    }
}
