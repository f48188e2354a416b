//! Shapes of volatile values.

use time::OffsetDateTime;
use time::PrimitiveDateTime;
use time::format_description::well_known::{Rfc2822, Rfc3339};
use time::macros::format_description;

/// Seconds between which a bare number of ten digits is a point in time: July 2017 to May 2033. All begin with a 1, as no
/// North American telephone number does.
const EPOCH: std::ops::RangeInclusive<u64> = 1_500_000_000..=1_999_999_999;
/// The wider range for numbers that a name says are times: September 2001 to 2100.
const EPOCH_BY_NAME: std::ops::RangeInclusive<u64> = 1_000_000_000..=4_102_444_800;

/// RFC 9562 §4 in either case. The nil and max UUIDs are constants, so they stay.
pub(super) fn is_uuid(value: &str) -> bool {
    let value = value.strip_prefix("urn:uuid:").unwrap_or(value).as_bytes();
    let is_constant = || value.iter().filter(|byte| **byte != b'-').all(|byte| *byte == value[0]);
    value.len() == 36
        && value.iter().enumerate().all(|(at, byte)| if matches!(at, 8 | 13 | 18 | 23) { *byte == b'-' } else { byte.is_ascii_hexdigit() })
        && !is_constant()
}

/// 26 characters of Crockford's alphabet whose first ten are a time between 2010 and 2100.
pub(super) fn is_ulid(value: &str) -> bool {
    const ALPHABET: &str = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    const PLAUSIBLE_MS: std::ops::RangeInclusive<u64> = 1_262_304_000_000..=4_102_444_800_000;
    let one_case = value.bytes().all(|byte| !byte.is_ascii_lowercase()) || value.bytes().all(|byte| !byte.is_ascii_uppercase());
    if value.len() != 26 || !one_case {
        return false;
    }
    let digits: Option<Vec<u64>> =
        value.chars().map(|c| ALPHABET.find(c.to_ascii_uppercase()).and_then(|digit| u64::try_from(digit).ok())).collect();
    digits.is_some_and(|digits| PLAUSIBLE_MS.contains(&digits[..10].iter().fold(0, |ms, digit| ms << 5 | digit)))
}

/// Sixteen hexadecimal digits or more, letters and figures among them, not a pattern such as `0000…`.
pub(super) fn is_hex_id(value: &str) -> bool {
    let hex = value.strip_prefix("0x").unwrap_or(value);
    hex.len() >= 16
        && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
        && hex.bytes().any(|byte| byte.is_ascii_digit())
        && distinct(hex) >= 6
}

/// A decimal number too long for a quantity: a snowflake, a time in nanoseconds, a random number.
pub(super) fn is_number_id(value: &str) -> bool {
    value.len() >= 16 && value.bytes().all(|byte| byte.is_ascii_digit()) && distinct(value) >= 5
}

/// nanoid's 21 characters. Of so short a text two classes and a clear verdict are asked.
pub(super) fn is_nanoid(value: &str) -> bool {
    value.len() == 21 && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) && looks_random(value)
}

/// RFC 3339, the same without a zone, and the dates of HTTP (RFC 9110 §5.6.7) and of cookies. A date alone is not one:
/// it may be a birthday.
pub(super) fn is_time(value: &str) -> bool {
    if !(17..=40).contains(&value.len()) {
        return false;
    }
    let iso = value.replacen(' ', "T", 1);
    let local = format_description!(version = 2, "[year]-[month]-[day]T[hour]:[minute]:[second][optional [.[subsecond]]]");
    let asctime =
        format_description!(version = 2, "[weekday repr:short] [month repr:short] [day padding:space] [hour]:[minute]:[second] [year]");
    let mail = value.replacen("GMT", "+0000", 1).replacen('-', " ", 2);
    OffsetDateTime::parse(&iso, &Rfc3339).is_ok()
        || PrimitiveDateTime::parse(&iso, &local).is_ok()
        || PrimitiveDateTime::parse(value, &asctime).is_ok()
        || (value.ends_with("GMT") && OffsetDateTime::parse(&mail, &Rfc2822).is_ok())
}

/// Seconds, milliseconds or microseconds since 1970, near enough to now. `named` says that the value's name speaks of time.
pub(super) fn is_epoch(value: &str, named: bool) -> bool {
    let range = if named { EPOCH_BY_NAME } else { EPOCH };
    let (whole, fraction) = value.split_once('.').unwrap_or((value, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let divisor = match whole.len() {
        10 => 1,
        13 => 1_000,
        16 => 1_000_000,
        _ => return false,
    };
    digits(whole) && digits(fraction) && whole.parse::<u64>().is_ok_and(|number| range.contains(&(number / divisor)))
}

/// A random text of 20 characters or more in one of the base64 alphabets (RFC 4648 §4, §5), with or without padding.
pub(super) fn is_opaque(value: &str) -> bool {
    let text = value.trim_end_matches('=');
    let in_alphabet = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'+' | b'/');
    text.len() >= 20 && value.len() - text.len() <= 2 && text.bytes().all(in_alphabet) && looks_random(text)
}

/// Words and identifiers in one case: `challenge_expired`, `LOGIN-REQUIRED`, `active`.
pub(crate) fn is_word(value: &str) -> bool {
    let one_case = value.bytes().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'-' | b'.'))
        || value.bytes().all(|byte| byte.is_ascii_uppercase() || matches!(byte, b'_' | b'-' | b'.'));
    one_case && (value.len() < 5 || randomness(value) < 0.0)
}

/// Whether a text is rather random than made of words: two classes of character at least, and the balance well above
/// that of written words.
fn looks_random(text: &str) -> bool {
    let has = |class: fn(&u8) -> bool| u8::from(text.as_bytes().iter().any(&class));
    let classes = has(u8::is_ascii_lowercase) + has(u8::is_ascii_uppercase) + has(u8::is_ascii_digit);
    let least = if text.starts_with('/') { RANDOM_PATH } else { RANDOM };
    classes >= 2 && distinct(text) >= 8 && randomness(text) > least
}

/// Balance from which a text counts as random: below it a third-of-a-word hump of camel case may still stand.
const RANDOM: f64 = -6.0;
/// The same for a text that begins like a path.
const RANDOM_PATH: f64 = 12.0;

/// How much more likely each pair of neighbours is in a random text than in words, identifiers and paths, in bits, summed
/// over the text. About +1.8 a pair for random base64, about −1.3 for camel case and −2 for plain words, so that from
/// twenty characters on the two lie tens of bits apart.
fn randomness(text: &str) -> f64 {
    let bytes = &text.as_bytes()[..text.len().min(256)];
    let mixed_case = bytes.iter().any(u8::is_ascii_lowercase) && bytes.iter().any(u8::is_ascii_uppercase);
    bytes.windows(2).map(|pair| pair_balance(pair[0], pair[1], mixed_case)).sum()
}

fn pair_balance(first: u8, second: u8, mixed_case: bool) -> f64 {
    match (first.is_ascii_alphabetic(), second.is_ascii_alphabetic()) {
        (true, true) => {
            let letters = if is_common_pair(first, second) { -2.0 } else { 2.0 };
            // In one case only, the case says nothing.
            let case = match (first.is_ascii_uppercase(), second.is_ascii_uppercase()) {
                _ if !mixed_case => 0.0,
                (false, false) => -1.1,
                (false, true) => 3.3,
                (true, false) => -0.9,
                (true, true) => 1.5,
            };
            letters + case
        }
        (true, false) if second.is_ascii_digit() => 2.4,
        (false, true) if first.is_ascii_digit() => 2.4,
        _ if first.is_ascii_digit() && second.is_ascii_digit() => -1.9,
        // Separators stand between words more often than in base64, and slashes in paths above all.
        _ if first == b'/' || second == b'/' => -3.0,
        _ => -0.7,
    }
}

/// The 166 commonest pairs of letters in written English: seven in eight of its pairs, two in nine of random ones.
const PAIRS: &str = "th he in er an re on at en nd ti es or te of ed is it al ar st to nt ng se ha as ou io le ve co me de hi \
    ri ro ic ne ea ra ce li ch ll be ma si om ur ca el ta la ns di fo ho pe ec pr no ct us ac ot il tr ly nc \
    et ut ss so rs un lo wa ge ie wh ee wi em ad ol rt po we na ul ni ts mo ow pa im mi ai sh ir su id os iv \
    ia am fi ci vi pl ig tu ev ld ry mp fe bl ab gh ty op wo sa ay ex ke fr oo av ag if ap gr od bo sp rd do \
    uc bu ei ov rm ep tt oc cu sc gi da cr cl ue ff ba ck ew pt au ui um up ru xp";

/// [`PAIRS`] as a bit for each second letter, by first letter.
const COMMON: [u32; 26] = {
    let pairs = PAIRS.as_bytes();
    let mut table = [0; 26];
    let mut at = 0;
    while at < pairs.len() {
        table[(pairs[at] - b'a') as usize] |= 1 << (pairs[at + 1] - b'a');
        at += 3;
    }
    table
};

/// Two ASCII letters that stand together often.
fn is_common_pair(first: u8, second: u8) -> bool {
    let place = |letter: u8| letter.to_ascii_lowercase().wrapping_sub(b'a');
    COMMON.get(usize::from(place(first))).is_some_and(|row| row >> place(second) & 1 == 1)
}

fn distinct(text: &str) -> usize {
    let mut seen = [false; 256];
    text.bytes().for_each(|byte| seen[usize::from(byte)] = true);
    seen.iter().filter(|seen| **seen).count()
}
