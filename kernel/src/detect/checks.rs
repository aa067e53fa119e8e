//! Checks that tell a value from what only looks like one: check digits, ranges, entropy. By name, as detectors declare them.

use std::net::{Ipv4Addr, Ipv6Addr};

use sha2::{Digest as _, Sha256};

use super::national;

/// Whether a value that has the form of something is that.
pub type Check = fn(&[u8]) -> bool;

/// How much of what matched is the value, where a pattern cannot tell.
pub type Cut = fn(&[u8]) -> Option<usize>;

const CHECKS: &[(&str, Check)] = &[
    ("luhn", luhn),
    ("card", card),
    ("iban", iban),
    ("aba", aba),
    ("imei", imei),
    ("vin", vin),
    ("bitcoin", bitcoin),
    ("ipv4", ipv4),
    ("ipv6", ipv6),
    ("mac", mac),
    ("email", email),
    ("phone", phone),
    ("trunk", trunk),
    ("bic", bic),
    ("npi", npi),
    ("dea", dea),
    ("secret", secret),
    ("password", password),
    ("key", key),
    ("place", place),
    ("day", day),
];

/// The check of a name.
pub fn named(name: &str) -> Option<Check> {
    CHECKS
        .iter()
        .chain(national::CHECKS)
        .find(|(known, _)| *known == name)
        .map(|(_, check)| *check)
}

/// What cuts the values of a check to their length.
pub fn cutting(name: &str) -> Option<Cut> {
    (name == "iban").then_some(iban_length as Cut)
}

/// The names of all checks.
pub fn names() -> impl Iterator<Item = &'static str> {
    CHECKS.iter().chain(national::CHECKS).map(|(name, _)| *name)
}

/// The digits of a value, in order; no more than 40.
pub fn digits(value: &[u8]) -> Vec<u32> {
    value
        .iter()
        .filter(|c| c.is_ascii_digit())
        .map(|c| u32::from(c - b'0'))
        .take(40)
        .collect()
}

/// The sum of digits times weights; the shorter of both decides.
pub fn weighted(digits: &[u32], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(d, w)| d * w).sum()
}

/// Digits read as one number.
pub fn number(digits: &[u32]) -> u64 {
    digits
        .iter()
        .fold(0u64, |n, d| n.wrapping_mul(10).wrapping_add(u64::from(*d)))
}

/// Whether there are so many digits, and not all the same.
pub fn plausible(digits: &[u32], length: usize) -> bool {
    digits.len() == length && digits.windows(2).any(|pair| pair.first() != pair.last())
}

/// The check digit of payment cards. Source: ISO/IEC 7812-1.
pub fn luhn_holds(digits: &[u32]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(index, digit)| match (index % 2, digit * 2) {
            (0, _) => *digit,
            (_, doubled) if doubled > 9 => doubled - 9,
            (_, doubled) => doubled,
        })
        .sum();
    sum.is_multiple_of(10)
}

fn luhn(value: &[u8]) -> bool {
    luhn_holds(&digits(value))
}

fn card(value: &[u8]) -> bool {
    let digits = digits(value);
    (14..=19).contains(&digits.len())
        && plausible(&digits, digits.len())
        && luhn_holds(&digits)
        && issued(&digits)
}

/// Whether an issuer of cards has the range that a number is in, and cards of that length. Source: the networks' published ranges.
fn issued(digits: &[u32]) -> bool {
    let six = number(digits.get(..6).unwrap_or_default());
    match digits.len() {
        14 => matches!(six / 1000, 300..=305 | 309) || matches!(six / 10_000, 36 | 38 | 39),
        15 => matches!(six / 10_000, 34 | 37),
        16 => {
            six / 100_000 == 4
                || matches!(six / 10_000, 51..=55 | 62 | 65 | 81 | 82)
                || matches!(six / 100, 2221..=2720 | 3528..=3589 | 2200..=2204 | 5018 | 5020 | 5038 | 6304)
                || six / 100 == 6011
                || matches!(six / 1000, 644..=649)
                || matches!(six / 100, 6759 | 6761..=6763)
                || six / 10_000 == 60
                || six / 10_000 == 56
        }
        19 => {
            six / 100_000 == 4
                || matches!(six / 10_000, 62 | 65)
                || matches!(six / 100, 6011 | 6304 | 6759)
        }
        17 | 18 => six / 10_000 == 62 || matches!(six / 100, 6304 | 6759),
        _ => false,
    }
}

/// The lengths that countries have given their account numbers. Source: the IBAN registry (ISO 13616).
const IBANS: &[(&[u8; 2], usize)] = &[
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BH", 22),
    (b"BR", 29),
    (b"BY", 28),
    (b"CH", 21),
    (b"CR", 22),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DK", 18),
    (b"DO", 28),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GL", 18),
    (b"GR", 27),
    (b"GT", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IQ", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LC", 32),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"LY", 25),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MK", 19),
    (b"MR", 27),
    (b"MT", 31),
    (b"MU", 30),
    (b"NL", 18),
    (b"NO", 15),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"SA", 24),
    (b"SC", 31),
    (b"SD", 18),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"ST", 25),
    (b"SV", 28),
    (b"TL", 23),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
    (b"VA", 22),
    (b"VG", 24),
    (b"XK", 20),
];

fn iban(value: &[u8]) -> bool {
    let plain: Vec<u8> = value
        .iter()
        .filter(|c| c.is_ascii_alphanumeric())
        .map(u8::to_ascii_uppercase)
        .collect();
    let known = IBANS
        .iter()
        .any(|(country, length)| plain.starts_with(*country) && plain.len() == *length);
    let Some((head, rest)) = plain.split_at_checked(4) else {
        return false;
    };
    known && mod97(rest.iter().chain(head)) == 1
}

/// Where an account number ends that other words may follow.
fn iban_length(value: &[u8]) -> Option<usize> {
    let country = value.get(..2)?;
    let length = IBANS
        .iter()
        .find(|(name, _)| country.eq_ignore_ascii_case(*name))?
        .1;
    let last = value
        .iter()
        .enumerate()
        .filter(|(_, c)| c.is_ascii_alphanumeric())
        .nth(length - 1)?;
    Some(last.0 + 1)
}

/// The remainder of a text read as a number whose letters are 10 to 35. Source: ISO/IEC 7064, MOD 97-10.
pub fn mod97<'a>(text: impl Iterator<Item = &'a u8>) -> u32 {
    text.fold(0, |rest, c| match c {
        b'0'..=b'9' => (rest * 10 + u32::from(c - b'0')) % 97,
        b'A'..=b'Z' => (rest * 100 + u32::from(c - b'A') + 10) % 97,
        _ => rest,
    })
}

/// A routing number of a bank in the USA.
fn aba(value: &[u8]) -> bool {
    let digits = digits(value);
    let range = number(digits.get(..2).unwrap_or_default());
    plausible(&digits, 9)
        && matches!(range, 1..=12 | 21..=32 | 61..=72 | 80)
        && weighted(&digits, &[3, 7, 1, 3, 7, 1, 3, 7, 1]).is_multiple_of(10)
}

fn imei(value: &[u8]) -> bool {
    let digits = digits(value);
    plausible(&digits, 15) && luhn_holds(&digits)
}

/// The check digit of vehicles. Source: 49 CFR 565.15.
fn vin(value: &[u8]) -> bool {
    const WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
    let worth = |c: &u8| match c {
        b'0'..=b'9' => u32::from(c - b'0'),
        b'A'..=b'H' => u32::from(c - b'A') + 1,
        b'J'..=b'R' => u32::from(c - b'J') + 1,
        b'S'..=b'Z' => u32::from(c - b'S') + 2,
        _ => 0,
    };
    let values: Vec<u32> = value.iter().map(worth).collect();
    let check = match weighted(&values, &WEIGHTS) % 11 {
        10 => b'X',
        rest => u8::try_from(rest).unwrap_or(0) + b'0',
    };
    value.len() == 17 && value.get(8) == Some(&check) && value.iter().any(u8::is_ascii_alphabetic)
}

fn bitcoin(value: &[u8]) -> bool {
    if value.starts_with(b"bc1") {
        return bech32(value);
    }
    const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    let mut bytes = [0u8; 25];
    for c in value {
        let Some(worth) = ALPHABET.iter().position(|known| known == c) else {
            return false;
        };
        let mut carry = u32::try_from(worth).unwrap_or(0);
        for byte in bytes.iter_mut().rev() {
            carry += u32::from(*byte) * 58;
            *byte = u8::try_from(carry & 0xff).unwrap_or(0);
            carry >>= 8;
        }
        if carry != 0 {
            return false;
        }
    }
    let (body, check) = bytes.split_at(21);
    Sha256::digest(Sha256::digest(body)).starts_with(check)
}

/// Source: BIP 173 and BIP 350.
fn bech32(value: &[u8]) -> bool {
    const ALPHABET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    const GENERATOR: [u32; 5] = [
        0x3b6a_57b2,
        0x2650_8e6d,
        0x1ea1_19fa,
        0x3d42_33dd,
        0x2a14_62b3,
    ];
    let mut rest = 1u32;
    let mut feed = |worth: u32| {
        let top = rest >> 25;
        rest = (rest & 0x1ff_ffff) << 5 ^ worth;
        for (bit, generator) in GENERATOR.iter().enumerate() {
            if top >> bit & 1 == 1 {
                rest ^= generator;
            }
        }
    };
    for worth in [3, 3, 0, 2, 3] {
        feed(worth);
    }
    for c in value.iter().skip(3) {
        let Some(worth) = ALPHABET.iter().position(|known| known == c) else {
            return false;
        };
        feed(u32::try_from(worth).unwrap_or(0));
    }
    rest == 1 || rest == 0x2bc8_30a3
}

fn ipv4(value: &[u8]) -> bool {
    std::str::from_utf8(value)
        .ok()
        .and_then(|text| text.parse::<Ipv4Addr>().ok())
        .is_some_and(|ip| {
            !ip.is_unspecified()
                && !ip.is_loopback()
                && !ip.is_broadcast()
                && ip.octets().first().is_some_and(|first| *first > 0)
                && !ip.octets().starts_with(&[255])
        })
}

fn ipv6(value: &[u8]) -> bool {
    // Fewer parts than eight (six and an IPv4) say where the rest was left out; a time of day does not.
    if memchr::memmem::find(value, b"::").is_none() && memchr::memchr_iter(b':', value).count() < 6
    {
        return false;
    }
    std::str::from_utf8(value)
        .ok()
        .and_then(|text| text.parse::<Ipv6Addr>().ok())
        .is_some_and(|ip| ip.segments().iter().filter(|part| **part != 0).count() >= 2)
}

fn mac(value: &[u8]) -> bool {
    let mut hex = value.iter().filter(|c| c.is_ascii_hexdigit());
    let first = hex.next();
    hex.any(|c| Some(c) != first)
}

/// An address of somebody: no name of a file, no remote of a repository.
fn email(value: &[u8]) -> bool {
    const FILES: [&[u8]; 14] = [
        b"png", b"jpg", b"jpeg", b"gif", b"svg", b"webp", b"css", b"js", b"ts", b"json", b"html",
        b"py", b"so", b"local",
    ];
    let last = value.rsplit(|c| *c == b'.').next().unwrap_or_default();
    let last = last.to_ascii_lowercase();
    !FILES.contains(&last.as_slice()) && !value.starts_with(b"git@")
}

/// A phone number with the digit that is dialled within a country.
fn trunk(value: &[u8]) -> bool {
    let digits = digits(value);
    (9..=12).contains(&digits.len()) && plausible(&digits, digits.len())
}

/// The country in a bank's code is one.
fn bic(value: &[u8]) -> bool {
    let country = value.get(4..6).unwrap_or_default();
    IBANS.iter().any(|(known, _)| *known == country)
        || [
            b"US", b"CA", b"AU", b"NZ", b"JP", b"CN", b"HK", b"SG", b"IN", b"KR", b"MX", b"ZA",
        ]
        .iter()
        .any(|known| *known == country)
}

/// Country calling codes. Source: ITU-T E.164 assignments.
fn phone(value: &[u8]) -> bool {
    let digits = digits(value);
    let three = number(digits.get(..3).unwrap_or_default());
    let known = matches!(
        three / 10,
        20 | 27 | 30..=34 | 36 | 39..=41 | 43..=49 | 51..=58 | 60..=66 | 81 | 82 | 84 | 86 | 90..=95 | 98
    ) || matches!(three / 100, 1 | 7)
        || matches!(three, 211..=269 | 290..=299 | 350..=389 | 420..=423 | 500..=509 | 590..=599 | 670..=692 | 850..=886 | 960..=998);
    let length = if three / 100 == 1 {
        digits.len() == 11
    } else {
        (8..=15).contains(&digits.len())
    };
    known && length && digits.iter().skip(2).any(|d| *d != 0)
}

/// The identifier of a provider of health care in the USA.
fn npi(value: &[u8]) -> bool {
    let digits = digits(value);
    let mut whole = vec![8, 0, 8, 4, 0];
    whole.extend(&digits);
    plausible(&digits, 10) && luhn_holds(&whole)
}

/// The number of a prescriber in the USA.
fn dea(value: &[u8]) -> bool {
    let digits = digits(value);
    digits.len() == 7
        && (weighted(&digits, &[1, 0, 1, 0, 1]) + weighted(&digits, &[0, 2, 0, 2, 0, 2])) % 10
            == digits.last().copied().unwrap_or(10)
}

/// A key: letters and digits mixed as if by chance, no uuid, no word.
fn secret(value: &[u8]) -> bool {
    let letters = value.iter().filter(|c| c.is_ascii_alphabetic()).count();
    let digits = value.iter().filter(|c| c.is_ascii_digit()).count();
    letters >= 2 && digits >= 2 && !uuid(value) && bits(value) >= 3.0 && !placeholder(value)
}

/// A key with a telling form: it only must not be a stand-in.
fn key(value: &[u8]) -> bool {
    bits(value) >= 2.2 && !placeholder(value)
}

/// What follows "password": whatever is no stand-in and no other word of the sentence.
fn password(value: &[u8]) -> bool {
    const WORDS: [&str; 24] = [
        "null",
        "none",
        "true",
        "false",
        "required",
        "reset",
        "changed",
        "expired",
        "incorrect",
        "invalid",
        "wrong",
        "not",
        "the",
        "for",
        "and",
        "must",
        "with",
        "your",
        "string",
        "undefined",
        "missing",
        "empty",
        "please",
        "protected",
    ];
    let text = value.to_ascii_lowercase();
    !placeholder(value) && !WORDS.iter().any(|word| text == word.as_bytes())
}

fn placeholder(value: &[u8]) -> bool {
    let mut rest = value.iter();
    let first = rest.next();
    let same = rest.all(|c| Some(c) == first || matches!(c, b'-' | b'.'));
    let lower = value.to_ascii_lowercase();
    let marked = [
        &b"xxxx"[..],
        b"****",
        b"....",
        b"<",
        b"${",
        b"{{",
        b"your_",
        b"your-",
        b"[redacted",
        b"example_key",
        b"changeme",
        b"placeholder",
    ];
    same || marked
        .iter()
        .any(|mark| memchr::memmem::find(&lower, mark).is_some())
}

fn uuid(value: &[u8]) -> bool {
    value.len() == 36
        && value.iter().enumerate().all(|(at, c)| match at {
            8 | 13 | 18 | 23 => *c == b'-',
            _ => c.is_ascii_hexdigit(),
        })
}

/// The entropy of a value's bytes, in bits for each.
fn bits(value: &[u8]) -> f64 {
    let mut counts = [0u32; 256];
    for byte in value {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    #[allow(clippy::cast_precision_loss)]
    let length = value.len().max(1) as f64;
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| f64::from(*count) / length)
        .map(|share| -share * share.log2())
        .sum()
}

/// Latitude and longitude.
fn place(value: &[u8]) -> bool {
    let text = std::str::from_utf8(value).unwrap_or_default();
    let mut parts = text
        .split([',', ' ', ';'])
        .filter(|part| !part.is_empty())
        .map(|part| part.parse::<f64>());
    match (parts.next(), parts.next(), parts.next()) {
        (Some(Ok(latitude)), Some(Ok(longitude)), None) => {
            latitude.abs() <= 90.0 && longitude.abs() <= 180.0
        }
        _ => false,
    }
}

/// A day that somebody alive could be born on, by its year.
fn day(value: &[u8]) -> bool {
    let years = value
        .split(|c| !c.is_ascii_digit())
        .filter(|part| part.len() == 4)
        .map(|part| number(&digits(part)));
    let mut years = years.peekable();
    years.peek().is_none() || years.any(|year| (1900..=2030).contains(&year))
}
