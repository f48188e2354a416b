"use strict";
(() => {
  // One style sheet for the page and for every shadow root.
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(document.querySelector("style").textContent);

  /** An element; attributes that are null or false are left out, true ones are empty. */
  const el = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children.flat().filter((child) => child !== null && child !== undefined));
    return element;
  };

  class Shadow extends HTMLElement {
    constructor() {
      super();
      this.attachShadow({ mode: "open" }).adoptedStyleSheets = [sheet];
    }
  }

  /** One stage: gets its challenge, and tells the executor what was answered. */
  class Stage extends Shadow {
    set challenge(challenge) {
      this.told = challenge;
      this.shadowRoot.replaceChildren(...this.render(challenge).filter((child) => child !== null));
    }

    /** The first message about one of these fields; what concerns none of them belongs to the first. */
    error() {
      for (const messages of Object.values(this.told.response_errors ?? {})) {
        if (messages.length > 0) return messages[0].string;
      }
      return null;
    }

    heading(title, ...lead) {
      document.title = title;
      return [
        el("p", { class: "host" }, document.querySelector("ak-flow-executor").dataset.host),
        el("h1", { tabindex: "-1" }, title),
        lead.length > 0 ? el("p", { class: "lead" }, ...lead) : null,
        this.error() === null ? null : el("p", { class: "alert", role: "alert", id: "error" }, this.error()),
        this.told.news ? el("p", { class: "news", role: "status" }, this.told.news) : null,
      ];
    }

    /** A label and its field. */
    field(label, attributes) {
      const wrong = this.error() !== null;
      return [
        el("label", { for: attributes.id }, label),
        el("input", {
          autocapitalize: "none",
          spellcheck: "false",
          required: true,
          "aria-invalid": wrong ? "true" : null,
          "aria-describedby": wrong ? "error" : null,
          ...attributes,
        }),
      ];
    }

    form(...children) {
      const form = el("form", { method: "post" }, ...children);
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        for (const button of form.querySelectorAll("button")) button.disabled = true;
        this.answer(this.read(new FormData(form), event.submitter));
      });
      return form;
    }

    answer(fields) {
      this.dispatchEvent(
        new CustomEvent("ak-answer", { bubbles: true, composed: true, detail: { component: this.told.component, ...fields } }),
      );
    }

    notYou() {
      const to = this.told.flow_info?.cancel_url;
      return to ? el("a", { class: "link", href: to }, "Not you?") : null;
    }
  }

  class Identification extends Stage {
    render(challenge) {
      const client = challenge.application_pre;
      const id = "ak-identifier-input";
      return [
        ...this.heading("Log in", ...(client ? ["to continue to ", el("strong", {}, client)] : [])),
        this.form(
          this.field("Username", { id, name: "uidField", type: "text", autocomplete: "username", value: challenge.pending_user_identifier }),
          el("button", { type: "submit", class: "primary" }, challenge.primary_action ?? "Log in"),
        ),
      ];
    }

    read(data) {
      return { uid_field: data.get("uidField") };
    }
  }

  class Password extends Stage {
    render(challenge) {
      const user = challenge.pending_user;
      return [
        ...this.heading("Enter your password", "You are logging in as ", el("strong", {}, user), "."),
        this.form(
          // For password managers, which want the name beside the password.
          el("input", { type: "text", name: "username", autocomplete: "username", value: user, readonly: true, hidden: true, "aria-hidden": "true", tabindex: "-1" }),
          this.field("Password", { id: "ak-stage-password-input", name: "password", type: "password", autocomplete: "current-password" }),
          el("button", { type: "submit", class: "primary" }, "Continue"),
        ),
        this.notYou(),
      ];
    }

    read(data) {
      return { password: data.get("password") };
    }
  }

  /** Chooses the device, and leaves the rest to an element of its own, as Authentik does. */
  class Validate extends Stage {
    render(challenge) {
      const device = challenge.device_challenges[0];
      const code = el("ak-stage-authenticator-validate-code");
      code.challenge = challenge;
      if (device?.device_class === "email" && !device.challenge.sent) {
        queueMicrotask(() => this.answer({ selected_challenge: device }));
      }
      return [code];
    }
  }

  class ValidateCode extends Stage {
    render(challenge) {
      const device = challenge.device_challenges[0];
      const mailed = device?.device_class === "email";
      const resend = el("button", { class: "link", type: "button" }, "Send a new code");
      resend.addEventListener("click", () => {
        resend.disabled = true;
        this.answer({ selected_challenge: device, resend: true });
      });
      const how = mailed
        ? ["We have sent a code of six digits to ", el("strong", {}, device.challenge.email), "."]
        : ["Your authenticator app shows a code of six digits."];
      return [
        ...this.heading("Enter your code", "You are logging in as ", el("strong", {}, challenge.pending_user), ". ", ...how),
        this.form(
          this.field("Code", { id: "validation-code-input", class: "code", name: "code", type: "text", inputmode: "numeric", autocomplete: "one-time-code", maxlength: "16" }),
          el("button", { type: "submit", class: "primary" }, "Continue"),
          mailed ? resend : null,
        ),
        this.notYou(),
      ];
    }

    read(data) {
      return { code: data.get("code") };
    }
  }

  class Consent extends Stage {
    render(challenge) {
      const items = challenge.permissions.map(({ id, name }) => el("li", {}, el("span", {}, name), el("code", {}, id)));
      return [
        ...this.heading(challenge.header_text, "You are logged in as ", el("strong", {}, challenge.pending_user), "."),
        el("p", { id: "asks" }, "It asks to:"),
        el("ul", { class: "scopes", "aria-labelledby": "asks" }, items),
        this.form(
          el(
            "div",
            { class: "choice" },
            el("button", { type: "submit", class: "primary", name: "decision", value: "allow" }, "Allow"),
            el("button", { type: "submit", name: "decision", value: "deny" }, "Deny"),
          ),
        ),
        challenge.return_to ? el("p", { class: "note" }, `You will go on to ${challenge.return_to}.`) : null,
      ];
    }

    read(_, submitter) {
      return { token: this.told.token, decision: submitter?.value ?? "allow" };
    }
  }

  class AccessDenied extends Stage {
    render(challenge) {
      const to = challenge.flow_info?.cancel_url;
      return [
        ...this.heading("Access denied", "You tried to log in as ", el("strong", {}, challenge.pending_user), "."),
        el("p", { class: "alert", role: "alert" }, challenge.error_message ?? "Unknown error"),
        to ? el("p", {}, el("a", { href: to }, "Start over")) : null,
      ];
    }
  }

  class FlowError extends Stage {
    render(challenge) {
      const id = challenge.request_id;
      return [
        ...this.heading("Something went wrong"),
        el("p", { class: "alert", role: "alert" }, challenge.error ?? "Unknown error"),
        id ? el("p", { class: "note" }, "Request ", el("code", {}, id)) : null,
      ];
    }
  }

  class Autosubmit extends Stage {
    render(challenge) {
      const fields = Object.entries(challenge.attrs).map(([name, value]) => el("input", { type: "hidden", name, value }));
      const form = el("form", { method: "post", action: challenge.url }, fields);
      queueMicrotask(() => form.submit());
      return [...this.heading(challenge.title), form];
    }
  }

  /** Asks for challenges, shows their stages, and sends answers. */
  class Executor extends Shadow {
    connectedCallback() {
      this.main = el("main", { "aria-live": "off" });
      this.shadowRoot.append(this.main);
      this.addEventListener("ak-answer", (event) => this.ask(event.detail));
      // Who comes back with the browser's back button sees the stage that it is now.
      addEventListener("pageshow", (event) => event.persisted && this.ask());
      this.ask();
    }

    async ask(answer) {
      const slug = location.pathname.split("/")[3];
      const url = `/api/v3/flows/executor/${slug}/?query=${encodeURIComponent(location.search.slice(1))}`;
      const post = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(answer) };
      this.main.setAttribute("aria-busy", "true");
      let challenge;
      try {
        const response = await fetch(url, { credentials: "same-origin", headers: { accept: "application/json" }, ...(answer ? post : {}) });
        challenge = await response.json();
        if (!challenge.component) throw new Error(challenge.detail ?? challenge.error_description ?? `the provider answered ${response.status}`);
      } catch (error) {
        challenge = { component: "ak-stage-flow-error", error: `The provider could not be asked: ${error.message}. Reload the page to try again.` };
      }
      this.main.removeAttribute("aria-busy");
      if (answer?.resend && !challenge.response_errors) challenge.news = "A new code is on its way.";
      this.show(challenge);
    }

    show(challenge) {
      if (challenge.component === "xak-flow-redirect") {
        const to = new URL(challenge.to, location.href);
        if (to.protocol !== "javascript:") location.assign(to);
        return;
      }
      const known = customElements.get(challenge.component) ? challenge.component : "ak-stage-flow-error";
      const stage = document.createElement(known);
      stage.challenge = known === challenge.component ? challenge : { error: `This page does not know the stage ${challenge.component}.` };
      this.main.replaceChildren(stage);
      let root = stage.shadowRoot;
      while (root.firstElementChild?.shadowRoot) root = root.firstElementChild.shadowRoot;
      (root.querySelector("input:not([type=hidden]):not([hidden])") ?? root.querySelector("h1"))?.focus();
    }
  }

  const elements = {
    "ak-stage-identification": Identification,
    "ak-stage-password": Password,
    "ak-stage-authenticator-validate": Validate,
    "ak-stage-authenticator-validate-code": ValidateCode,
    "ak-stage-consent": Consent,
    "ak-stage-access-denied": AccessDenied,
    "ak-stage-flow-error": FlowError,
    "ak-stage-autosubmit": Autosubmit,
    "ak-flow-executor": Executor,
  };
  for (const [name, element] of Object.entries(elements)) customElements.define(name, element);
})();
