//! What a route does at a neighbour before it answers.

use crate::env::Env;
use crate::{LabError, egress, mail};
use axum::http::header::AUTHORIZATION;

/// Whom the mail of a case goes to.
const READER: &str = "ada@gallery.test";

/// An errand; a route whose errand fails is passed over.
pub(super) enum Errand {
    /// POST to this URL with the cookie of this name as the bearer of it; done when the answer is a success.
    Refreshes { url: &'static str, cookie: &'static str },
    /// A mail with this link.
    Mails(&'static str),
}

/// Who is reached for errands.
pub(super) struct Neighbours {
    client: reqwest::Client,
    mail: Option<String>,
}

impl Neighbours {
    pub(super) fn new(env: &Env<'_>) -> Result<Self, LabError> {
        Ok(Self { client: egress::client(env)?, mail: mail::server(env)? })
    }

    /// Does the errand with the cookie that it is about, if there is one; whether it was a success.
    pub(super) async fn run(&self, errand: &Errand, cookie: impl Fn(&str) -> Option<Vec<u8>>) -> bool {
        match errand {
            Errand::Refreshes { url, cookie: name } => {
                let Some(token) = cookie(name) else { return false };
                let asked = self.client.post(*url).header(AUTHORIZATION, [b"Bearer ".as_slice(), &token].concat());
                asked.send().await.is_ok_and(|answer| answer.status().is_success())
            }
            Errand::Mails(link) => {
                let Some(server) = &self.mail else { return false };
                let letter = format!(
                    "From: Gallery <no-reply@gallery.test>\r\nTo: <{READER}>\r\nSubject: Your link\r\nMIME-Version: 1.0\r\n\
                     Content-Type: text/plain; charset=utf-8\r\n\r\nTo sign in follow {link}\r\n"
                );
                mail::send(server, READER, &letter).await.is_ok()
            }
        }
    }
}
