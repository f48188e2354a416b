//! An entry's messages as they went over the wire, from what exporters make of them.

use super::date::parse_date;
use super::entry::{Content, Cookie, Pair, Request, Response};
use crate::web::headers::Headers;
use base64::Engine as _;

impl Request {
    /// Its header fields, the Cookie field made of what the exporter tells of cookies where it has no field.
    #[must_use]
    pub fn fields(&self) -> Headers {
        let mut headers = headers(&self.headers);
        if !headers.contains("cookie") && !self.cookies.is_empty() {
            let pairs: Vec<_> = self.cookies.iter().map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
            headers.append("Cookie", pairs.join("; "));
        }
        headers
    }

    /// Its body up to `longest` bytes, from its fields where the exporter has no text, and whether that is less than all.
    #[must_use]
    pub fn body(&self, longest: usize) -> (Vec<u8>, bool) {
        let Some(data) = &self.post_data else { return (Vec::new(), false) };
        if data.text.is_empty() && !data.params.is_empty() {
            let fields = data.params.iter().map(|field| (field.name.as_str(), field.value.as_str()));
            return (url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish().into_bytes(), false);
        }
        decoded(&data.text, data.encoding.as_deref(), longest)
    }
}

impl Response {
    /// Its header fields: Set-Cookie, Location and Content-Type also where the exporter tells of them elsewhere only.
    #[must_use]
    pub fn fields(&self) -> Headers {
        let mut headers = headers(&self.headers);
        set_cookies(&mut headers, &self.cookies);
        if !headers.contains("location") && !self.redirect_url.is_empty() {
            headers.append("Location", self.redirect_url.as_str());
        }
        let kind = &self.content.mime_type;
        if !headers.contains("content-type") && !kind.is_empty() && kind != "x-unknown" {
            headers.append("Content-Type", kind.as_str());
        }
        headers
    }
}

impl Content {
    /// The body up to `longest` bytes, and whether that is less than all: exporters cut long bodies and give their whole size.
    #[must_use]
    pub fn body(&self, longest: usize) -> (Vec<u8>, bool) {
        let text = self.text.as_deref().unwrap_or_default();
        let (bytes, is_cut) = decoded(text, self.encoding.as_deref(), longest);
        (bytes, is_cut || !text.is_empty() && self.size > text.len() as f64 * 2.0)
    }
}

/// Fields without HTTP/2's pseudo fields (RFC 9113 §8.3), those that an exporter joined with newlines taken apart.
fn headers(pairs: &[Pair]) -> Headers {
    let mut headers = Headers::new();
    for pair in pairs.iter().filter(|pair| !pair.name.is_empty() && !pair.name.starts_with(':')) {
        for value in pair.value.split('\n').map(str::trim) {
            headers.append(pair.name.as_str(), value);
        }
    }
    headers
}

/// Set-Cookie lines where the exporter told only of cookies, or joined the lines by commas.
fn set_cookies(headers: &mut Headers, cookies: &[Cookie]) {
    let lines: Vec<Vec<u8>> = headers.get_all("set-cookie").map(<[u8]>::to_vec).collect();
    if lines.is_empty() {
        cookies.iter().filter(|cookie| !cookie.name.is_empty()).for_each(|cookie| headers.append("Set-Cookie", line(cookie)));
    } else if let [line] = lines.as_slice()
        && cookies.len() > 1
        && let Some(parts) = unfolded(line, cookies)
    {
        headers.remove("set-cookie");
        parts.into_iter().for_each(|part| headers.append("Set-Cookie", part));
    }
}

/// One line for each cookie, cut where the exporter says that a cookie begins. `None` if they are not all there.
fn unfolded(line: &[u8], cookies: &[Cookie]) -> Option<Vec<Vec<u8>>> {
    let text = std::str::from_utf8(line).ok()?;
    let mut starts = vec![0];
    for cookie in &cookies[1..] {
        let from = *starts.last()?;
        let marks = [format!(", {}=", cookie.name), format!(",{}=", cookie.name)];
        let (at, mark) =
            marks.iter().filter_map(|mark| Some((text[from..].find(mark.as_str())? + from, mark))).min_by_key(|(at, _)| *at)?;
        starts.push(at + mark.len() - cookie.name.len() - 1);
    }
    let ends = starts[1..].iter().copied().chain([text.len()]);
    Some(starts.iter().zip(ends).map(|(&start, end)| text[start..end].trim_end_matches([',', ' ']).as_bytes().to_vec()).collect())
}

/// A Set-Cookie line of what the exporter tells of a cookie.
fn line(cookie: &Cookie) -> String {
    let mut line = format!("{}={}", cookie.name, cookie.value);
    for (name, value) in [("Domain", &cookie.domain), ("Path", &cookie.path), ("SameSite", &cookie.same_site)] {
        if let Some(value) = value.as_deref().filter(|value| !value.is_empty()) {
            line.push_str(&format!("; {name}={value}"));
        }
    }
    if let Some(expires) = cookie.expires.as_deref().and_then(parse_date) {
        let format =
            time::macros::format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");
        line.push_str(&expires.format(format).map(|date| format!("; Expires={date}")).unwrap_or_default());
    }
    for (name, is_set) in [("Secure", cookie.secure), ("HttpOnly", cookie.http_only)] {
        if is_set {
            line.push_str(&format!("; {name}"));
        }
    }
    line
}

/// Bytes of a text, bounded, and whether more was there. Base64 that is none, or that ends in the middle, gives what can be read.
fn decoded(text: &str, encoding: Option<&str>, longest: usize) -> (Vec<u8>, bool) {
    if !encoding.is_some_and(|encoding| encoding.eq_ignore_ascii_case("base64")) {
        let mut end = text.len().min(longest);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        return (text.as_bytes()[..end].to_vec(), end < text.len());
    }
    let digits = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_');
    let mut clean: Vec<u8> = text.bytes().filter(digits).take(longest / 3 * 4).collect();
    for byte in &mut clean {
        *byte = match *byte {
            b'-' => b'+',
            b'_' => b'/',
            other => other,
        };
    }
    let is_cut = text.len() > clean.len() + clean.len() / 16 + 4;
    // A single digit behind the last group of four is no byte.
    let whole = if clean.len() % 4 == 1 { clean.len() - 1 } else { clean.len() };
    let engine = base64::engine::GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        base64::engine::GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(base64::engine::DecodePaddingMode::RequireNone),
    );
    (engine.decode(&clean[..whole]).unwrap_or_default(), is_cut)
}
