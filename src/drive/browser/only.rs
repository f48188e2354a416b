//! Steps that only a real browser can do: tabs, requests and scripts of the page, dialogs, passkeys.

use super::page::{ActError, DialogAnswer, PageRequest, Passkeys};
use super::screen::Screen;
use crate::drive::actor::Actor;
use crate::drive::error::StepError;
use crate::drive::steps::Session;
use crate::plan::{DialogPlan, FetchPlan, PasskeyPlan, ScriptPlan, TabPlan, Verb};
use tokio::time::Instant;

impl Session<'_> {
    /// Does a step of the browser itself.
    pub(super) async fn operate_browser(
        &self,
        actor: &Actor,
        screen: &Screen,
        index: usize,
        verb: &Verb,
        deadline: Instant,
    ) -> Result<(), StepError> {
        match verb {
            Verb::Tab(plan) => self.turn_tab(actor, screen, plan, deadline).await,
            Verb::Fetch(plan) => self.fetch_in_page(actor, screen, plan, deadline).await,
            Verb::Script(plan) => self.run_script(screen, index, plan, deadline).await,
            Verb::Dialog(plan) => {
                screen.dialogs.answer_with(match plan {
                    DialogPlan::Accept => DialogAnswer::Accept,
                    DialogPlan::Dismiss => DialogAnswer::Dismiss,
                    DialogPlan::Text(text) => DialogAnswer::Text(self.recorder.render(text)?),
                });
                Ok(())
            }
            Verb::Passkey(plan) => change_passkeys(screen, plan, deadline).await.map_err(StepError::from),
            _ => Err(StepError::NeedsBrowser),
        }
    }

    async fn turn_tab(&self, actor: &Actor, screen: &Screen, plan: &TabPlan, deadline: Instant) -> Result<(), StepError> {
        let tabs = &screen.tabs;
        let tab = match plan {
            TabPlan::Close => return Ok(tabs.close(deadline).await?),
            TabPlan::New(_) => screen.device.open_tab().await?,
            TabPlan::Newest => tabs.newest(deadline).await?,
            TabPlan::Number(number) => tabs.numbered(*number, deadline).await?,
            TabPlan::Like { url, title } => {
                let fits = |address: &str, name: &str| {
                    let holds = |matcher: &Option<_>, text: &str| {
                        matcher.as_ref().is_none_or(|matcher| self.recorder.matches(matcher, Some(&text.into())))
                    };
                    holds(url, address) && holds(title, name)
                };
                tabs.like(fits, deadline).await?
            }
        };
        tabs.turn_to(&tab, deadline).await?;
        match plan {
            TabPlan::New(Some(url)) => self.go(actor, screen, url, deadline).await,
            _ => Ok(()),
        }
    }

    async fn fetch_in_page(&self, actor: &Actor, screen: &Screen, plan: &FetchPlan, deadline: Instant) -> Result<(), StepError> {
        let request = &plan.request;
        let mut url = self.url(actor, &request.url)?;
        for (name, value) in &request.query {
            url.query_pairs_mut().append_pair(name, &self.recorder.render(value)?);
        }
        let (body, content_type) = self.fetch_body(&request.body)?;
        let given = self.edits(&request.headers)?;
        let own_type = content_type.filter(|_| !given.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")));
        let own_type = own_type.map(|content_type| ("content-type".to_owned(), content_type));
        let headers = own_type.into_iter().chain(given.into_iter().filter_map(|(name, value)| Some((name, value?)))).collect();
        let request = PageRequest {
            url: url.into(),
            method: request.method.as_str().to_owned(),
            headers,
            body: Some(String::from_utf8_lossy(&body).into_owned()).filter(|body| !body.is_empty()),
            follow: request.follow,
        };
        // What came back is in the record of the browser's requests.
        let tab = screen.tab();
        screen.page(&tab).fetch(&request, plan.credentials, deadline).await?;
        Ok(())
    }

    async fn run_script(&self, screen: &Screen, index: usize, plan: &ScriptPlan, deadline: Instant) -> Result<(), StepError> {
        let render = |(name, value): &(String, _)| Ok((name.clone(), self.recorder.render(value)?));
        let arguments = plan.arguments.iter().map(render).collect::<Result<Vec<_>, StepError>>()?;
        let tab = screen.tab();
        let value = screen.page(&tab).evaluate(&plan.body, &arguments, deadline).await?;
        self.recorder.set_value(index, value);
        Ok(())
    }
}

async fn change_passkeys(screen: &Screen, plan: &PasskeyPlan, deadline: Instant) -> Result<(), ActError> {
    let mut passkeys = screen.passkeys.lock().await;
    if let Some(old) = passkeys.take() {
        old.remove(deadline).await?;
    }
    if let PasskeyPlan::Add(options) = plan {
        *passkeys = Some(Passkeys::add(&screen.device, &screen.tabs, *options, deadline).await?);
    }
    Ok(())
}
