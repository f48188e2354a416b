//! A device that keeps passkeys: a virtual authenticator (WebAuthn §11) that every tab of an actor has.
//!
//! Chromium has an authenticator for each tab. So that a passkey made in one tab opens the door in another, as on a real
//! device, each tab gets an authenticator of the same sort, and credentials are carried from one to the others. Firefox has
//! one for the whole browser, over the classic session (WebAuthn §11.5).

use super::error::ActError;
use super::tabs::{Tabs, is_tab_of};
use crate::drive::browser::bidi::Bidi;
use crate::drive::browser::launch::{BrowserKind, Device};
use crate::plan::Authenticator;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How long the browser may take for a tab that opens by itself.
const WITHIN: Duration = Duration::from_secs(30);

/// The actor's device.
pub(crate) struct Passkeys {
    shared: Arc<Shared>,
    /// Gives every tab that opens an authenticator.
    watching: JoinHandle<()>,
}

struct Shared {
    bidi: Bidi,
    options: Authenticator,
    /// By tab: its CDP session, and the id of its authenticator.
    holders: Mutex<BTreeMap<String, Holder>>,
}

#[derive(Clone)]
struct Holder {
    session: String,
    authenticator: String,
}

impl Passkeys {
    /// Gives the device to all tabs of an actor, those that are to come included.
    ///
    /// # Errors
    /// When the browser has no virtual authenticators, or none of this sort.
    pub(crate) async fn add(device: &Device, tabs: &Tabs, options: Authenticator, deadline: Instant) -> Result<Self, ActError> {
        if device.kind != BrowserKind::Chromium {
            return Err(ActError::Unable(
                "virtual authenticators are driven in Chromium only; run this scenario with `--browser chromium`".to_owned(),
            ));
        }
        let shared = Arc::new(Shared { bidi: device.bidi.clone(), options, holders: Mutex::default() });
        let mut events = device.bidi.events();
        let (user_context, watched) = (device.user_context.clone(), shared.clone());
        let watching = tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                let Some(context) = event.params.get("context").and_then(Value::as_str) else { continue };
                match event.method.as_str() {
                    "browsingContext.contextCreated" if is_tab_of(&event.params, &user_context) => {
                        // A tab that is gone already needs none.
                        let _ = watched.give(context, Instant::now() + WITHIN).await;
                    }
                    "browsingContext.contextDestroyed" => {
                        watched.holders.lock().await.remove(context);
                    }
                    _ => {}
                }
            }
        });
        let passkeys = Self { shared, watching };
        for tab in tabs.all() {
            passkeys.shared.give(&tab, deadline).await?;
        }
        Ok(passkeys)
    }

    /// Carries what was made in one tab to the others.
    ///
    /// # Errors
    /// When the browser does not do what it is told.
    pub(crate) async fn carry(&self, deadline: Instant) -> Result<(), ActError> {
        self.shared.carry(deadline).await
    }

    /// Takes the device away.
    ///
    /// # Errors
    /// When the browser does not do what it is told.
    pub(crate) async fn remove(self, deadline: Instant) -> Result<(), ActError> {
        self.watching.abort();
        let holders = std::mem::take(&mut *self.shared.holders.lock().await);
        for Holder { session, authenticator } in holders.into_values() {
            let gone = json!({ "authenticatorId": authenticator });
            match self.shared.bidi.cdp(Some(&session), "WebAuthn.removeVirtualAuthenticator", gone, deadline).await {
                Ok(_) => {}
                // The tab was closed, and took it along.
                Err(error) if !matches!(error, crate::drive::browser::bidi::BidiError::Gone(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

impl Drop for Passkeys {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

impl Shared {
    /// Gives a tab an authenticator that holds what the others hold.
    async fn give(&self, tab: &str, deadline: Instant) -> Result<(), ActError> {
        let mut holders = self.holders.lock().await;
        if holders.contains_key(tab) {
            return Ok(());
        }
        let session = self.bidi.send("goog:cdp.getSession", json!({ "context": tab }), deadline).await?;
        let session = session.get("session").and_then(Value::as_str).unwrap_or_default().to_owned();
        self.bidi.cdp(Some(&session), "WebAuthn.enable", json!({ "enableUI": false }), deadline).await?;
        let options = json!({
            "protocol": "ctap2",
            "ctap2Version": "ctap2_1",
            "transport": self.options.transport,
            "hasResidentKey": self.options.resident,
            "hasUserVerification": true,
            "isUserVerified": self.options.verified,
            // Whoever has the device in hand touches it when asked.
            "automaticPresenceSimulation": true,
        });
        let added = self.bidi.cdp(Some(&session), "WebAuthn.addVirtualAuthenticator", json!({ "options": options }), deadline).await?;
        let authenticator = added.get("authenticatorId").and_then(Value::as_str).unwrap_or_default().to_owned();
        let known = self.collect(&holders, deadline).await?;
        let holder = Holder { session, authenticator };
        for credential in known.values() {
            self.put(&holder, credential, deadline).await?;
        }
        holders.insert(tab.to_owned(), holder);
        Ok(())
    }

    async fn carry(&self, deadline: Instant) -> Result<(), ActError> {
        let holders = self.holders.lock().await;
        if holders.len() < 2 {
            return Ok(());
        }
        let newest = self.collect(&holders, deadline).await?;
        for holder in holders.values() {
            let held = self.held(holder, deadline).await?;
            for (id, credential) in &newest {
                match held.get(id) {
                    Some(own) if sign_count(own) == sign_count(credential) => continue,
                    // A count that goes back looks like a copied device to a server (WebAuthn §6.1.1).
                    Some(_) => {
                        let old = json!({ "authenticatorId": holder.authenticator, "credentialId": id });
                        self.bidi.cdp(Some(&holder.session), "WebAuthn.removeCredential", old, deadline).await?;
                    }
                    None => {}
                }
                self.put(holder, credential, deadline).await?;
            }
        }
        Ok(())
    }

    /// All credentials, each as the tab has it that used it last.
    async fn collect(&self, holders: &BTreeMap<String, Holder>, deadline: Instant) -> Result<BTreeMap<String, Value>, ActError> {
        let mut all: BTreeMap<String, Value> = BTreeMap::new();
        for holder in holders.values() {
            for (id, credential) in self.held(holder, deadline).await? {
                if all.get(&id).is_none_or(|known| sign_count(known) < sign_count(&credential)) {
                    all.insert(id, credential);
                }
            }
        }
        Ok(all)
    }

    async fn held(&self, holder: &Holder, deadline: Instant) -> Result<BTreeMap<String, Value>, ActError> {
        let asked = json!({ "authenticatorId": holder.authenticator });
        let told = match self.bidi.cdp(Some(&holder.session), "WebAuthn.getCredentials", asked, deadline).await {
            Ok(told) => told,
            Err(error @ crate::drive::browser::bidi::BidiError::Gone(_)) => return Err(error.into()),
            // The tab is being closed.
            Err(_) => return Ok(BTreeMap::new()),
        };
        let list = told.get("credentials").and_then(Value::as_array).cloned().unwrap_or_default();
        let id = |credential: &Value| credential.get("credentialId").and_then(Value::as_str).map(str::to_owned);
        Ok(list.into_iter().filter_map(|credential| Some((id(&credential)?, credential))).collect())
    }

    async fn put(&self, holder: &Holder, credential: &Value, deadline: Instant) -> Result<(), ActError> {
        // What a browser tells of a credential and does not take back is left out.
        let taken = [
            "credentialId",
            "isResidentCredential",
            "rpId",
            "privateKey",
            "userHandle",
            "signCount",
            "largeBlob",
            "userName",
            "userDisplayName",
        ];
        let kept: Map<String, Value> = credential
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(name, _)| taken.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let params = json!({ "authenticatorId": holder.authenticator, "credential": kept });
        self.bidi.cdp(Some(&holder.session), "WebAuthn.addCredential", params, deadline).await?;
        Ok(())
    }
}

fn sign_count(credential: &Value) -> u64 {
    credential.get("signCount").and_then(Value::as_u64).unwrap_or_default()
}
