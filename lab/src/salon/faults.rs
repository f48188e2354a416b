//! What the app does wrong on purpose: names in `FAULTS`, each for one entry of the catalogue.

use crate::LabError;
use crate::env::Env;

macro_rules! faults {
    ($($variant:ident $name:literal $about:literal)*) => {
        /// Something that the app does wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Fault {
            $(#[doc = $about] $variant,)*
        }

        /// Every fault by name.
        pub(super) const ALL: &[(&str, Fault)] = &[$(($name, Fault::$variant)),*];
    };
}

faults! {
    KeyUnset "key-unset" "`AUTHENTICA_API_KEY` is treated as if it were not set."
    Unsent "unsent" "Says that a code was sent, and calls no vendor."
    VendorErrorsUncaught "vendor-errors-uncaught" "A vendor that fails makes a 500."
    ThrottleAs400 "throttle-as-400" "Throttling is told with 400 and without `Retry-After`."
    RawNumberAtVerify "raw-number-at-verify" "The number is not normalised when a code is verified."
    ExpiryInSeconds "expiry-in-seconds" "The minutes of the expiry are taken for seconds."
    FlagNeverSet "flag-never-set" "A verified code leaves `is_phone_verified` as it was."
    TokensUnknown "tokens-unknown" "The tokens that a verified code brings are signed with a key that nobody trusts."
    GateShut "gate-shut" "Booking and payment are refused to verified users too."
    SendErrorsUnlogged "send-errors-unlogged" "A code that cannot be sent leaves no line in the log."
    VendorRetried "vendor-retried" "A send that fails is sent again at once, twice."
    WindowUnlimited "window-unlimited" "A number may ask for any number of codes."
    CooldownOff "cooldown-off" "A code may be asked for again at once."
    RefusalSends "refusal-sends" "A request inside the cooldown is refused after the vendor was called."
    IpFromClient "ip-from-client" "The address is what the client wrote first into `X-Forwarded-For`."
    IpUnlimited "ip-unlimited" "An address may ask for any number of numbers."
    DeviceUnlimited "device-unlimited" "A device may ask for any number of numbers."
    RiskNeverDecays "risk-never-decays" "What an address or a device asked for counts for ever."
    OlderBuild "older-build" "Behaves as the build before 2026-03-14: `device_id` is not known, `resend_in` is not told."
    RequestIdsLost "request-ids-lost" "Neither answer nor log has the id of the request, nor the vendor's."
    OtpFamilyGone "otp-family-gone" "The `otp/` endpoints are not routed."
    PurposesShared "purposes-shared" "A code of one family is taken by the other."
    VerifiedLocally "verified-locally" "The app chooses the code and checks it itself; the vendor is not asked."
    AttemptsUnlimited "attempts-unlimited" "Any number of wrong codes may be tried."
    AttemptsRacy "attempts-racy" "Attempts are counted after the vendor was asked, so that guesses at the same time count as one."
    TokenEndpointAlive "token-endpoint-alive" "The password endpoint still looks at passwords."
    NoSlashRedirect "no-slash-redirect" "A path without its slash is not found."
    UserAtVerify "user-at-verify" "The user is created when the code is verified."
    AnyAnswerIsSuccess "any-200-is-success" "Every 200 of the vendor is taken for a success."
    NumbersAsTyped "numbers-as-typed" "Limits and accounts go by the number as it was typed."
}

/// The faults that are on.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    /// Reads `FAULTS`: a comma list of names.
    pub(super) fn read(env: &Env<'_>) -> Result<Faults, LabError> {
        let find = |name: &String| ALL.iter().find(|(known, _)| known == name).map(|(_, fault)| *fault);
        let named: Option<Vec<Fault>> = env.list("FAULTS").iter().filter(|name| *name != "none").map(find).collect();
        named.map(Faults).ok_or_else(|| {
            let names: Vec<_> = ALL.iter().map(|(name, _)| *name).collect();
            LabError::Invalid { name: "FAULTS", expected: format!("a comma list of {}", names.join(", ")) }
        })
    }

    pub(super) fn has(&self, fault: Fault) -> bool {
        self.0.contains(&fault)
    }
}
