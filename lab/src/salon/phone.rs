//! Phone numbers: E.164, or a Saudi mobile as people write it.

/// The number in E.164 (at most 15 digits behind the `+`), if it is one or can be made one.
pub(super) fn normalise(typed: &str) -> Option<String> {
    let bare: String = typed.chars().filter(|c| !matches!(c, ' ' | '-' | '(' | ')')).collect();
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // `05…`, `5…`, `9665…` and `009665…` are the same mobile number in Saudi Arabia.
    let national = ["+966", "00966", "966", "0", ""].iter().find_map(|prefix| bare.strip_prefix(prefix).filter(|rest| is_mobile(rest)));
    if let Some(rest) = national {
        return Some(format!("+966{rest}"));
    }
    let rest = bare.strip_prefix('+')?;
    (digits(rest) && (8..=15).contains(&rest.len()) && !rest.starts_with('0')).then(|| format!("+{rest}"))
}

fn is_mobile(rest: &str) -> bool {
    rest.len() == 9 && rest.starts_with('5') && rest.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_person_has_one_number_however_it_is_typed() {
        for typed in ["0512345678", "512345678", "966512345678", "00966512345678", "+966512345678", "+966 51 234-5678"] {
            assert_eq!(normalise(typed).as_deref(), Some("+966512345678"), "{typed}");
        }
        assert_eq!(normalise("+4915112345678").as_deref(), Some("+4915112345678"));
        for wrong in ["", "+", "12345", "+05123456789", "+9665123456789012", "05123456789", "+49x51", "٠٥١٢٣٤٥٦٧٨"] {
            assert_eq!(normalise(wrong), None, "{wrong}");
        }
    }
}
