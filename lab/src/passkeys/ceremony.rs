//! The two ceremonies as a relying party verifies them: registration (WebAuthn Level 3 §7.1) and sign-in (§7.2).
//!
//! No attestation is asked for, so none but `none` is taken, and no extensions are used.

use super::cbor::Value;
use super::cose::PublicKey;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

/// User present, user verified, backup eligible, backed up, attested credential data, extension data (§6.1).
const UP: u8 = 1 << 0;
const UV: u8 = 1 << 2;
const BE: u8 = 1 << 3;
const BS: u8 = 1 << 4;
const AT: u8 = 1 << 6;
const ED: u8 = 1 << 7;

/// The longest credential id (§7.1 step 25).
const LONGEST_ID: usize = 1023;

/// What the relying party expects of a ceremony.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected<'a> {
    /// The challenge's bytes.
    pub(super) challenge: &'a [u8],
    pub(super) origin: &'a str,
    pub(super) rp_id: &'a str,
    pub(super) verification: bool,
}

/// A key as it is kept after a registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Credential {
    pub(super) id: Vec<u8>,
    pub(super) key: PublicKey,
    pub(super) counter: u32,
}

/// A step that failed. The text says what was found to be wrong, and is what the lab's answers carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum CeremonyError {
    #[error("the answer is not well-formed")]
    Malformed,
    #[error("the client data is of another ceremony")]
    Type,
    #[error("the challenge is not the one that was given out")]
    Challenge,
    #[error("the origin is not this relying party's")]
    Origin,
    #[error("the ceremony took place in a frame of another origin")]
    CrossOrigin,
    #[error("the authenticator answered for another relying party id")]
    RpId,
    #[error("the user was not present")]
    Presence,
    #[error("the user was not verified")]
    Verification,
    #[error("a key that cannot be backed up says that it is")]
    Backup,
    #[error("the attestation is not `none`")]
    Attestation,
    #[error("the key's algorithm was not offered")]
    Algorithm,
    #[error("the signature does not verify")]
    Signature,
    #[error("the signature counter went backwards, so the key may have been copied")]
    Counter,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData {
    r#type: String,
    challenge: String,
    origin: String,
    #[serde(default)]
    cross_origin: bool,
}

/// What the authenticator says of itself and the ceremony (§6.1).
struct AuthenticatorData<'a> {
    rp_id_hash: &'a [u8],
    flags: u8,
    counter: u32,
    /// What comes after, for a registration the credential.
    rest: &'a [u8],
}

/// Verifies a registration.
pub(super) fn register(
    expected: Expected<'_>,
    algorithms: &[i64],
    client_data: &[u8],
    attestation: &[u8],
) -> Result<Credential, CeremonyError> {
    expected.check_client("webauthn.create", client_data)?;
    let (attestation, rest) = Value::read(attestation).map_err(|_| CeremonyError::Malformed)?;
    let member = |name: &str| attestation.get(&Value::Text(name.to_owned()));
    let data = member("authData").and_then(Value::bytes).filter(|_| rest.is_empty()).ok_or(CeremonyError::Malformed)?;
    let data = AuthenticatorData::read(data)?;
    expected.check_authenticator(&data)?;
    if member("fmt") != Some(&Value::Text("none".to_owned())) || member("attStmt") != Some(&Value::Map(Vec::new())) {
        return Err(CeremonyError::Attestation);
    }
    let (id, key) = data.credential().ok_or(CeremonyError::Malformed)?;
    let key = PublicKey::from_cose(&key).filter(|key| algorithms.contains(&key.algorithm())).ok_or(CeremonyError::Algorithm)?;
    Ok(Credential { id, key, counter: data.counter })
}

/// Verifies a sign-in with a key that is known. Gives the counter to keep.
pub(super) fn sign_in(
    expected: Expected<'_>,
    credential: &Credential,
    client_data: &[u8],
    authenticator_data: &[u8],
    signature: &[u8],
) -> Result<u32, CeremonyError> {
    expected.check_client("webauthn.get", client_data)?;
    let data = AuthenticatorData::read(authenticator_data)?;
    expected.check_authenticator(&data)?;
    let message = [authenticator_data, &Sha256::digest(client_data)[..]].concat();
    if !credential.key.verifies(&message, signature) {
        return Err(CeremonyError::Signature);
    }
    // An authenticator without a counter says 0 all the time (§6.1.1).
    if (data.counter != 0 || credential.counter != 0) && data.counter <= credential.counter {
        return Err(CeremonyError::Counter);
    }
    Ok(data.counter)
}

impl Expected<'_> {
    /// §7.1 steps 5 to 12, §7.2 steps 8 to 15.
    fn check_client(&self, r#type: &str, client_data: &[u8]) -> Result<(), CeremonyError> {
        // A byte order mark is passed over: "UTF-8 decode" does so.
        let json = client_data.strip_prefix(b"\xef\xbb\xbf").unwrap_or(client_data);
        let data: ClientData = serde_json::from_slice(json).map_err(|_| CeremonyError::Malformed)?;
        if data.r#type != r#type {
            return Err(CeremonyError::Type);
        }
        if data.challenge != URL_SAFE_NO_PAD.encode(self.challenge) {
            return Err(CeremonyError::Challenge);
        }
        if data.origin != self.origin {
            return Err(CeremonyError::Origin);
        }
        if data.cross_origin { Err(CeremonyError::CrossOrigin) } else { Ok(()) }
    }

    /// §7.1 steps 14 to 18, §7.2 steps 16 to 20.
    fn check_authenticator(&self, data: &AuthenticatorData<'_>) -> Result<(), CeremonyError> {
        let is = |flag| data.flags & flag != 0;
        if data.rp_id_hash != &Sha256::digest(self.rp_id)[..] {
            return Err(CeremonyError::RpId);
        }
        if !is(UP) {
            return Err(CeremonyError::Presence);
        }
        if self.verification && !is(UV) {
            return Err(CeremonyError::Verification);
        }
        if is(BS) && !is(BE) { Err(CeremonyError::Backup) } else { Ok(()) }
    }
}

impl AuthenticatorData<'_> {
    fn read(bytes: &[u8]) -> Result<AuthenticatorData<'_>, CeremonyError> {
        let (head, rest) = bytes.split_at_checked(37).ok_or(CeremonyError::Malformed)?;
        let counter = u32::from_be_bytes([head[33], head[34], head[35], head[36]]);
        let data = AuthenticatorData { rp_id_hash: &head[..32], flags: head[32], counter, rest };
        // What the flags announce must be there, and nothing else.
        let announced = data.flags & (AT | ED) != 0;
        if announced == rest.is_empty() { Err(CeremonyError::Malformed) } else { Ok(data) }
    }

    /// The credential's id and key (§6.5.1).
    fn credential(&self) -> Option<(Vec<u8>, Value)> {
        if self.flags & AT == 0 {
            return None;
        }
        let (head, rest) = self.rest.split_at_checked(18)?;
        let length = usize::from(u16::from_be_bytes([head[16], head[17]]));
        if length > LONGEST_ID {
            return None;
        }
        let (id, rest) = rest.split_at_checked(length)?;
        let (key, rest) = Value::read(rest).ok()?;
        let ends = rest.is_empty() == (self.flags & ED == 0);
        ends.then(|| (id.to_vec(), key))
    }
}

#[cfg(test)]
mod tests {
    use super::super::cose::{ES256, RS256};
    use super::*;
    use serde_json::Value as Json;

    /// What a browser's authenticators made, with the challenges they were given.
    fn vectors() -> Json {
        serde_json::from_str(include_str!("vectors.json")).expect("JSON")
    }

    fn bytes(json: &Json) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(json.as_str().expect("text")).expect("base64url")
    }

    /// One device of the vectors, with what may be changed before it is verified.
    struct Device {
        create: Vec<u8>,
        attestation: Vec<u8>,
        get: Vec<u8>,
        data: Vec<u8>,
        signature: Vec<u8>,
        challenges: [Vec<u8>; 2],
        origin: &'static str,
        rp_id: &'static str,
        verification: bool,
    }

    impl Device {
        fn of(name: &str) -> Device {
            let all = vectors();
            let (made, asserted) = (&all[name]["registration"]["response"], &all[name]["assertion"]["response"]);
            Device {
                create: bytes(&made["clientDataJSON"]),
                attestation: bytes(&made["attestationObject"]),
                get: bytes(&asserted["clientDataJSON"]),
                data: bytes(&asserted["authenticatorData"]),
                signature: bytes(&asserted["signature"]),
                challenges: [bytes(&all["registration_challenge"]), bytes(&all["sign_in_challenge"])],
                origin: "https://app.passkeys.test",
                rp_id: "app.passkeys.test",
                verification: false,
            }
        }

        fn expected(&self, ceremony: usize) -> Expected<'_> {
            let Device { origin, rp_id, verification, .. } = *self;
            Expected { challenge: &self.challenges[ceremony], origin, rp_id, verification }
        }

        fn register(&self) -> Result<Credential, CeremonyError> {
            register(self.expected(0), &[ES256, RS256], &self.create, &self.attestation)
        }

        fn sign_in(&self, credential: &Credential) -> Result<u32, CeremonyError> {
            sign_in(self.expected(1), credential, &self.get, &self.data, &self.signature)
        }
    }

    #[test]
    fn a_real_browser_is_understood() {
        for (name, algorithm) in [("es256", ES256), ("rs256", RS256), ("unverified", ES256)] {
            let device = Device::of(name);
            let credential = device.register().expect(name);
            assert_eq!((credential.key.algorithm(), credential.id.len(), credential.counter), (algorithm, 32, 1), "{name}");
            assert_eq!(device.sign_in(&credential), Ok(2), "{name}");
        }
    }

    #[test]
    fn each_expectation_is_held_to() {
        let credential = Device::of("es256").register().expect("verified");
        let both = |change: fn(&mut Device), error| {
            let mut device = Device::of("es256");
            change(&mut device);
            assert_eq!(device.register(), Err(error));
            assert_eq!(device.sign_in(&credential), Err(error));
        };
        both(|device| device.challenges = [vec![1], vec![1]], CeremonyError::Challenge);
        both(|device| device.origin = "http://app.passkeys.test", CeremonyError::Origin);
        both(|device| device.rp_id = "passkeys.test", CeremonyError::RpId);
        both(|device| std::mem::swap(&mut device.create, &mut device.get), CeremonyError::Type);
        both(|device| (device.create, device.get) = (b"{}".to_vec(), b"[".to_vec()), CeremonyError::Malformed);
    }

    #[test]
    fn verification_is_demanded_only_where_it_is_wanted() {
        let mut device = Device::of("unverified");
        let credential = device.register().expect("verified");
        device.verification = true;
        assert_eq!(device.register(), Err(CeremonyError::Verification));
        assert_eq!(device.sign_in(&credential), Err(CeremonyError::Verification));
        let mut verified = Device::of("es256");
        verified.verification = true;
        assert!(verified.register().is_ok());
    }

    #[test]
    fn what_was_signed_cannot_be_changed() {
        for name in ["es256", "rs256"] {
            let credential = Device::of(name).register().expect("verified");
            let mut device = Device::of(name);
            device.data[36] ^= 0x80;
            assert_eq!(device.sign_in(&credential), Err(CeremonyError::Signature), "the counter");
            let mut device = Device::of(name);
            device.get.push(b' ');
            assert_eq!(device.sign_in(&credential), Err(CeremonyError::Signature), "the client data");
            let mut device = Device::of(name);
            device.signature[9] ^= 1;
            assert_eq!(device.sign_in(&credential), Err(CeremonyError::Signature), "the signature");
            let other = Device::of("unverified").register().expect("verified");
            assert_eq!(Device::of(name).sign_in(&other), Err(CeremonyError::Signature), "another's key");
        }
    }

    #[test]
    fn a_counter_that_does_not_grow_is_told() {
        let device = Device::of("es256");
        let credential = device.register().expect("verified");
        for counter in [2, 3, u32::MAX] {
            assert_eq!(device.sign_in(&Credential { counter, ..credential.clone() }), Err(CeremonyError::Counter));
        }
    }

    #[test]
    fn flags_must_fit_each_other_and_what_follows() {
        let credential = Device::of("es256").register().expect("verified");
        let with = |flags: u8| {
            let mut device = Device::of("es256");
            device.data[32] = flags;
            device.sign_in(&credential)
        };
        assert_eq!(with(UV), Err(CeremonyError::Presence));
        assert_eq!(with(UP | BS), Err(CeremonyError::Backup));
        assert_eq!(with(UP | AT), Err(CeremonyError::Malformed));
        let mut device = Device::of("es256");
        device.data.push(0);
        assert_eq!(device.sign_in(&credential), Err(CeremonyError::Malformed));
    }

    #[test]
    fn an_algorithm_that_was_not_offered_is_refused() {
        let device = Device::of("rs256");
        let registered = register(device.expected(0), &[ES256], &device.create, &device.attestation);
        assert_eq!(registered, Err(CeremonyError::Algorithm));
    }

    #[test]
    fn an_answer_cut_anywhere_is_an_error_and_no_panic() {
        let device = Device::of("es256");
        let credential = device.register().expect("verified");
        for cut in 0..device.attestation.len() {
            assert!(register(device.expected(0), &[ES256], &device.create, &device.attestation[..cut]).is_err(), "{cut}");
        }
        for cut in 0..device.data.len() {
            assert!(sign_in(device.expected(1), &credential, &device.get, &device.data[..cut], &device.signature).is_err(), "{cut}");
        }
    }
}
