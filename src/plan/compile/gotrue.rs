//! The embedded auth server of an origin.

use super::compiler::Compiler;
use crate::plan::{
    Claims, GotrueAlgorithm, GotrueExternal, GotrueJwt, GotrueLimits, GotrueOtp, GotruePlan, GotrueRefresh, GotrueSession, GotrueUser,
    RedirectGlob, RefreshKind, Service,
};
use crate::scenario::gotrue;
use crate::scenario::node::{Key, Node};
use crate::scenario::read::{Map, Text};
use std::time::Duration;
use url::Url;

impl Compiler<'_> {
    pub(super) fn gotrue(&mut self, written: &gotrue::Gotrue) -> Option<GotruePlan> {
        let site_url = self.site_url(&written.site_url)?;
        let mut plan = GotruePlan::new(site_url);
        plan.users = written.users.0.iter().map(|(key, user)| self.gotrue_user(key, user)).collect();
        plan.external = written.external.0.iter().map(|(key, external)| self.gotrue_external(key, external)).collect();
        plan.redirect_urls = written.redirect_urls.iter().filter_map(|text| self.redirect_glob(text)).collect();
        plan.anon_key = written.anon_key.as_ref().map(|text| self.secret(text, "gotrue.anon_key"));
        if let Some(jwt) = &written.jwt {
            plan.jwt = self.gotrue_jwt(jwt);
        }
        if let Some(refresh) = &written.refresh {
            plan.refresh = self.gotrue_refresh(refresh);
        }
        if let Some(session) = &written.session {
            let timebox = session.timebox.as_ref().and_then(|text| self.duration(text));
            plan.session = GotrueSession { timebox, inactivity: session.inactivity.as_ref().and_then(|text| self.duration(text)) };
        }
        if let Some(otp) = &written.otp {
            plan.otp = self.gotrue_otp(otp);
        }
        if let Some(limits) = &written.rate_limits {
            let default = GotrueLimits::default();
            plan.rate_limits = GotrueLimits {
                token_refresh: limits.token_refresh.unwrap_or(default.token_refresh),
                sign_in: limits.sign_in.unwrap_or(default.sign_in),
                verify: limits.verify.unwrap_or(default.verify),
            };
        }
        plan.signup_disabled = written.signup == Some(false);
        plan.autoconfirm = written.autoconfirm.unwrap_or(false);
        if let Some(prefix) = &written.prefix {
            plan.prefix = self.gotrue_prefix(prefix);
        }
        plan.faults = self.all_faults(&written.faults.0, Service::Gotrue);
        Some(plan)
    }

    fn site_url(&mut self, text: &Text) -> Option<Url> {
        let known = self.known(text, "an address");
        match Url::parse(&known) {
            Ok(url) => Some(url),
            Err(why) => {
                if !known.is_empty() {
                    self.fault_with(text.span, format!("`{known}` is no address: {why}"), "write a whole one: `https://app.test`");
                }
                None
            }
        }
    }

    fn redirect_glob(&mut self, text: &Text) -> Option<RedirectGlob> {
        let known = self.known(text, "an address");
        match RedirectGlob::parse(&known) {
            Ok(glob) => Some(glob),
            Err(why) => {
                self.fault_with(text.span, format!("not a pattern for addresses: {why}"), "write `https://app.test/**`");
                None
            }
        }
    }

    fn gotrue_user(&mut self, key: &Key, user: &gotrue::GotrueUser) -> GotrueUser {
        let name = key.name.as_str();
        let (email, own_phone) = if name.contains('@') { (Some(name.to_lowercase()), None) } else { (None, Some(name.to_owned())) };
        if own_phone.is_some() && user.phone.is_some() {
            self.fault_with(key.span, format!("`{name}` has two phone numbers"), "name the user by e-mail address, or leave `phone` out");
        }
        let phone = own_phone.or_else(|| user.phone.as_ref().map(|text| self.known(text, "a phone number")));
        let phone = phone.map(|phone| phone.trim_start_matches('+').replace(' ', ""));
        if let Some(phone) = &phone
            && !is_e164(phone)
        {
            let hint = "name a user by e-mail address (`ada@x.test`) or by number with country code (`+491701234567`)";
            self.fault_with(key.span, format!("`{phone}` is no phone number"), hint);
        }
        let id = user.id.as_ref().map(|text| (self.known(text, "an id").to_lowercase(), text.span));
        if let Some((id, span)) = &id
            && !is_uuid(id)
            && !id.is_empty()
        {
            self.fault_with(*span, format!("`{id}` is no UUID"), "write 32 hexadecimal digits in groups of 8-4-4-4-12");
        }
        GotrueUser {
            email,
            phone,
            password: user.password.as_ref().map(|text| self.secret(text, &format!("gotrue.users.{name}.password"))),
            id: id.map(|(id, _)| id),
            banned: user.banned.unwrap_or(false),
            confirmed: user.confirmed.unwrap_or(true),
            user_metadata: self.metadata(&user.user_metadata),
            app_metadata: self.metadata(&user.app_metadata),
        }
    }

    fn metadata(&mut self, metadata: &Map<Node>) -> Claims {
        metadata.0.iter().map(|(key, value)| (key.name.clone(), self.known_json(value, "metadata"))).collect()
    }

    fn gotrue_external(&mut self, key: &Key, external: &gotrue::GotrueExternal) -> GotrueExternal {
        let issuer = self.known(&external.issuer, "an issuer");
        if !issuer.is_empty() && Url::parse(&issuer).is_err() {
            self.fault_with(external.issuer.span, format!("`{issuer}` is no issuer"), "write its whole URL");
        }
        GotrueExternal {
            name: key.name.to_lowercase(),
            issuer,
            client_id: self.known(&external.client_id, "a client"),
            secret: external.secret.as_ref().map(|text| self.secret(text, &format!("gotrue.external.{}.secret", key.name))),
            scopes: external.scopes.as_ref().map_or_else(|| "openid email profile".to_owned(), |text| self.known(text, "scopes")),
        }
    }

    fn gotrue_jwt(&mut self, jwt: &gotrue::GotrueJwt) -> GotrueJwt {
        let default = GotrueJwt::default();
        let ttl = self.duration_or(jwt.ttl.as_ref(), default.ttl);
        let secret = jwt.secret.as_ref().map(|text| (self.secret(text, "gotrue.jwt.secret"), text.span));
        let named = jwt.alg.as_ref().map(|text| (self.known(text, "an algorithm"), text.span));
        let algorithm = match (named.as_ref().map(|(name, span)| (name.as_str(), *span)), secret) {
            (None | Some(("HS256", _)), Some((secret, _))) => GotrueAlgorithm::Hs256(secret),
            (None | Some(("ES256", _)), None) => GotrueAlgorithm::Es256,
            (Some(("HS256", span)), None) => {
                self.fault_with(span, "`HS256` needs a secret", "add `secret`");
                default.algorithm
            }
            (Some(("ES256", _)), Some((_, span))) => {
                self.fault_with(span, "`ES256` takes no secret: the server makes a key of its own", "leave `secret` out");
                default.algorithm
            }
            (Some((other, span)), _) => {
                self.unknown(span, "algorithm", other, ["ES256", "HS256"]);
                default.algorithm
            }
        };
        GotrueJwt { ttl, algorithm }
    }

    fn gotrue_refresh(&mut self, refresh: &gotrue::GotrueRefresh) -> GotrueRefresh {
        let default = GotrueRefresh::default();
        let kind = match &refresh.kind {
            None => default.kind,
            Some(text) => match self.known(text, "a kind").as_str() {
                "random" => RefreshKind::Random,
                "counter" => RefreshKind::Counter,
                other => {
                    self.unknown(text.span, "kind of refresh token", other, ["random", "counter"]);
                    default.kind
                }
            },
        };
        GotrueRefresh {
            rotate: refresh.rotate.unwrap_or(default.rotate),
            reuse_interval: self.duration_or(refresh.reuse_interval.as_ref(), default.reuse_interval),
            kind,
        }
    }

    fn gotrue_otp(&mut self, otp: &gotrue::GotrueOtp) -> GotrueOtp {
        let default = GotrueOtp::default();
        let mut duration = |text: &Option<Text>, default: Duration| self.duration_or(text.as_ref(), default);
        let mail_ttl = duration(&otp.mail_ttl, default.mail_ttl);
        let sms_ttl = duration(&otp.sms_ttl, default.sms_ttl);
        let frequency = duration(&otp.frequency, default.frequency);
        GotrueOtp { mail_ttl, sms_ttl, frequency, link: otp.link.as_ref().map(|text| self.known(text, "a link")) }
    }

    fn gotrue_prefix(&mut self, text: &Text) -> String {
        let known = self.known(text, "a path");
        let prefix = known.trim_end_matches('/');
        if !prefix.is_empty() && (!prefix.starts_with('/') || prefix.contains(['?', '#', ' '])) {
            self.fault_with(text.span, format!("`{known}` is no path"), "write it from the root on: `/auth/v1`");
        }
        prefix.to_owned()
    }
}

/// Digits with a country code, without `+` (ITU-T E.164).
fn is_e164(phone: &str) -> bool {
    (2..=15).contains(&phone.len()) && phone.bytes().all(|byte| byte.is_ascii_digit()) && !phone.starts_with('0')
}

/// RFC 9562 §4, in lower case.
fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
        })
}
