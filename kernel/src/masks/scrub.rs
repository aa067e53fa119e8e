//! Free text with only its sensitive spans replaced, each by its kind in brackets. Matching is linear in the text.

use std::sync::OnceLock;

use regex::bytes::{Captures, Regex};

// One alternation: at every place the first that matches wins, so the more telling come first.
const PATTERNS: &str = concat!(
    r"(?-u)(?P<key>-----BEGIN[ A-Z]*PRIVATE KEY-----[\s\S]{0,8192}?(?:-----END[ A-Z]*PRIVATE KEY-----|$)",
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bgh[pousr]_[0-9A-Za-z]{20,255}|\bgithub_pat_[0-9A-Za-z_]{20,255}|\bglpat-[0-9A-Za-z_-]{16,64}",
    r"|\bxox[abeoprs]-[0-9A-Za-z-]{8,255}|\b[srp]k[-_](?:[0-9A-Za-z]+[-_])*[0-9A-Za-z]{8,255}",
    r"|\bAIza[0-9A-Za-z_-]{30,64}|\bhf_[0-9A-Za-z]{16,64}|\bnpm_[0-9A-Za-z]{24,64}|\bpypi-[0-9A-Za-z_-]{16,512}",
    r"|\beyJ[0-9A-Za-z_-]{8,4096}\.[0-9A-Za-z_-]{4,4096}(?:\.[0-9A-Za-z_-]{0,4096})?)",
    r"|(?P<url>\b[a-z][a-z0-9+.-]{1,20}://[^\s/:@]{1,128}:[^\s/@]{1,256}@)",
    r"|(?P<secret>(?i:\b(?:pass(?:word|wd|phrase)?|pwd|secret|token|api[-_ ]?key|bearer|authorization)\b)\s{0,4}(?:[:=]|\bis\b)\s{0,4})(?P<value>[^\s,;]{3,512})",
    r"|(?P<email>[0-9A-Za-z._%+'-]{1,64}@[0-9A-Za-z-]{1,63}(?:\.[0-9A-Za-z-]{1,63}){1,8})",
    r"|(?P<iban>\b[A-Z]{2}[0-9]{2}(?: ?[0-9A-Z]{4}){3,7}(?: ?[0-9A-Z]{1,3})?\b)",
    r"|(?P<ssn>\b[0-9]{3}-[0-9]{2}-[0-9]{4}\b)",
    r"|(?P<ip>\b(?:[0-9]{1,3}\.){3}[0-9]{1,3}\b)",
    r"|(?P<card>\b[0-9](?:[ -]?[0-9]){12,18}\b)",
    r"|(?P<phone>\+[0-9](?:[ ().-]{0,2}[0-9]){6,14}\b|\(?\b[0-9]{3}\)?[ .-][0-9]{3}[ .-][0-9]{4}\b)",
);

fn patterns() -> Option<&'static Regex> {
    static COMPILED: OnceLock<Option<Regex>> = OnceLock::new();
    COMPILED.get_or_init(|| Regex::new(PATTERNS).ok()).as_ref()
}

/// Appends the text without its sensitive spans. Were the patterns unusable, nothing of the text would be shown.
pub fn text(value: &[u8], out: &mut Vec<u8>) {
    let Some(patterns) = patterns() else {
        out.extend_from_slice(b"[redacted]");
        return;
    };
    let mut from = 0;
    for found in patterns.captures_iter(value) {
        let Some(whole) = found.get(0) else { continue };
        let Some(stand_in) = stand_in(&found) else {
            continue;
        };
        out.extend_from_slice(value.get(from..whole.start()).unwrap_or_default());
        out.extend_from_slice(&stand_in);
        from = whole.end();
    }
    out.extend_from_slice(value.get(from..).unwrap_or_default());
}

fn stand_in(found: &Captures<'_>) -> Option<Vec<u8>> {
    if let Some(before) = found.name("secret") {
        return Some([before.as_bytes(), b"[secret]"].concat());
    }
    if let Some(card) = found.name("card") {
        return luhn(card.as_bytes()).then(|| b"[card]".to_vec());
    }
    for (name, shown) in [
        ("key", "[key]"),
        ("url", "[credentials]@"),
        ("email", "[email]"),
        ("iban", "[iban]"),
        ("ssn", "[ssn]"),
    ]
    .into_iter()
    .chain([("ip", "[ip]"), ("phone", "[phone]")])
    {
        if found.name(name).is_some() {
            return Some(shown.as_bytes().to_vec());
        }
    }
    None
}

/// The check digit of payment cards. Source: ISO/IEC 7812-1.
fn luhn(card: &[u8]) -> bool {
    let mut sum = 0u32;
    let digits = card.iter().rev().filter(|c| c.is_ascii_digit());
    for (index, digit) in digits.enumerate() {
        let digit = u32::from(digit - b'0');
        let doubled = if index % 2 == 1 { digit * 2 } else { digit };
        sum += if doubled > 9 { doubled - 9 } else { doubled };
    }
    sum.is_multiple_of(10)
}

/// Scrubs within the strings of a JSON text, and numbers that match become 0; false when it is no JSON that this can read.
pub fn json(value: &[u8], out: &mut Vec<u8>) -> bool {
    let mut at = 0;
    while let Some(&c) = value.get(at) {
        if c == b'"' {
            let Some(end) = string_end(value, at + 1) else {
                return false;
            };
            let Some(body) = value.get(at + 1..end) else {
                return false;
            };
            out.push(b'"');
            string(body, out);
            out.push(b'"');
            at = end + 1;
        } else if c.is_ascii_digit() {
            let rest = value.get(at..).unwrap_or_default();
            let length = rest
                .iter()
                .position(|c| !matches!(c, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'))
                .unwrap_or(rest.len());
            let number = rest.get(..length).unwrap_or_default();
            let sensitive =
                number.len() >= 13 && number.iter().all(u8::is_ascii_digit) && luhn(number);
            out.extend_from_slice(if sensitive || number.len() == 9 {
                b"0"
            } else {
                number
            });
            at += length;
        } else {
            out.push(c);
            at += 1;
        }
    }
    true
}

/// The inside of a JSON string: what its escapes stand for is scrubbed, so that none can hide a value.
fn string(body: &[u8], out: &mut Vec<u8>) {
    let mut plain = Vec::with_capacity(body.len());
    let mut escaped = false;
    let mut at = 0;
    while let Some(&c) = body.get(at) {
        if c != b'\\' {
            plain.push(c);
            at += 1;
            continue;
        }
        escaped = true;
        match body.get(at + 1) {
            Some(b'u') => {
                let code = body
                    .get(at + 2..at + 6)
                    .and_then(|hex| u32::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
                let known = code.and_then(char::from_u32).unwrap_or('\u{fffd}');
                plain.extend_from_slice(known.encode_utf8(&mut [0; 4]).as_bytes());
                at += 6;
            }
            Some(other) => {
                plain.push(match other {
                    b'n' => b'\n',
                    b't' => b'\t',
                    b'r' => b'\r',
                    b'b' => 8,
                    b'f' => 12,
                    other => *other,
                });
                at += 2;
            }
            None => at += 1,
        }
    }
    let mut scrubbed = Vec::with_capacity(plain.len());
    text(&plain, &mut scrubbed);
    if escaped && scrubbed == plain {
        out.extend_from_slice(body);
        return;
    }
    for byte in scrubbed {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            0..=0x1f => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(byte),
        }
    }
}

fn string_end(value: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match value.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}
