//! Check digits of national identity and tax numbers. Each function names the number; the weights are those its authority publishes.

use super::checks::{digits, luhn_holds, number, plausible, weighted, Check};

/// All of them by name.
pub const CHECKS: &[(&str, Check)] = &[
    ("us_ssn", us_ssn),
    ("us_itin", us_itin),
    ("gb_nhs", gb_nhs),
    ("fr_nir", fr_nir),
    ("de_idnr", de_idnr),
    ("es_dni", es_dni),
    ("it_cf", it_cf),
    ("nl_bsn", nl_bsn),
    ("be_nn", be_nn),
    ("pt_nif", pt_nif),
    ("pl_pesel", pl_pesel),
    ("se_pnr", se_pnr),
    ("fi_hetu", fi_hetu),
    ("dk_cpr", dk_cpr),
    ("no_fnr", no_fnr),
    ("ch_ahv", ch_ahv),
    ("at_vnr", at_vnr),
    ("cz_rc", cz_rc),
    ("ro_cnp", ro_cnp),
    ("bg_egn", bg_egn),
    ("gr_amka", gr_amka),
    ("hr_oib", hr_oib),
    ("ee_ik", ee_ik),
    ("ie_pps", ie_pps),
    ("tr_tckn", tr_tckn),
    ("il_idnr", il_idnr),
    ("br_cpf", br_cpf),
    ("br_cnpj", br_cnpj),
    ("ar_cuit", ar_cuit),
    ("cl_rut", cl_rut),
    ("mx_curp", mx_curp),
    ("ca_sin", ca_sin),
    ("au_tfn", au_tfn),
    ("au_medicare", au_medicare),
    ("in_aadhaar", in_aadhaar),
    ("cn_ric", cn_ric),
    ("kr_rrn", kr_rrn),
    ("jp_in", jp_in),
    ("tw_id", tw_id),
    ("sg_nric", sg_nric),
    ("my_nric", my_nric),
    ("th_pin", th_pin),
    ("za_idnr", za_idnr),
    ("ru_snils", ru_snils),
    ("ru_inn", ru_inn),
];

/// Letters and digits alone, letters large.
fn plain(value: &[u8]) -> Vec<u8> {
    value
        .iter()
        .filter(|c| c.is_ascii_alphanumeric())
        .map(u8::to_ascii_uppercase)
        .collect()
}

fn at(of: &[u32], index: usize) -> u32 {
    of.get(index).copied().unwrap_or(0)
}

fn part(of: &[u32], from: usize, to: usize) -> u64 {
    number(of.get(from..to).unwrap_or_default())
}

fn date(month: u64, day: u64) -> bool {
    let longest = match month {
        2 => 29,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=longest).contains(&day)
}

fn us_ssn(value: &[u8]) -> bool {
    let d = digits(value);
    let (area, group, serial) = (part(&d, 0, 3), part(&d, 3, 5), part(&d, 5, 9));
    plausible(&d, 9) && !matches!(area, 0 | 666 | 900..) && group != 0 && serial != 0
}

fn us_itin(value: &[u8]) -> bool {
    let d = digits(value);
    plausible(&d, 9) && at(&d, 0) == 9 && part(&d, 5, 9) != 0
}

fn gb_nhs(value: &[u8]) -> bool {
    let d = digits(value);
    let check = (11 - weighted(&d, &[10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11) % 11;
    plausible(&d, 10) && check == at(&d, 9)
}

fn fr_nir(value: &[u8]) -> bool {
    let text = plain(value);
    let Some((body, key)) = text.split_at_checked(13) else {
        return false;
    };
    let corsica = match body.get(5..7) {
        Some(b"2A") => Some(b"19"),
        Some(b"2B") => Some(b"18"),
        _ => None,
    };
    let mut body = body.to_vec();
    if let (Some(instead), Some(place)) = (corsica, body.get_mut(5..7)) {
        place.copy_from_slice(instead);
    }
    let month = part(&digits(&body), 3, 5);
    body.iter().all(u8::is_ascii_digit)
        && key.len() == 2
        && matches!(body.first(), Some(b'1'..=b'8'))
        && matches!(month, 1..=12 | 20..=42 | 50..)
        && 97 - number(&digits(&body)) % 97 == number(&digits(key))
}

/// ISO/IEC 7064, MOD 11,10.
fn mod_11_10(d: &[u32]) -> bool {
    let Some((last, body)) = d.split_last() else {
        return false;
    };
    let rest = body.iter().fold(10, |rest, digit| {
        let sum = (rest + digit) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    (11 - rest) % 10 == *last
}

fn de_idnr(value: &[u8]) -> bool {
    let d = digits(value);
    let mut counts = [0u32; 10];
    for digit in d.iter().take(10) {
        if let Some(count) = counts.get_mut(*digit as usize) {
            *count += 1;
        }
    }
    let repeated = counts.iter().filter(|count| **count > 1).count();
    d.len() == 11
        && at(&d, 0) != 0
        && repeated == 1
        && counts.iter().all(|count| *count <= 3)
        && mod_11_10(&d)
}

fn es_dni(value: &[u8]) -> bool {
    const LETTERS: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";
    let text = plain(value);
    let Some((letter, body)) = text.split_last() else {
        return false;
    };
    let body: Vec<u8> = match body.split_first() {
        Some((b'X', rest)) => [b"0", rest].concat(),
        Some((b'Y', rest)) => [b"1", rest].concat(),
        Some((b'Z', rest)) => [b"2", rest].concat(),
        _ => body.to_vec(),
    };
    let rest = number(&digits(&body)) % 23;
    body.len() == 8
        && body.iter().all(u8::is_ascii_digit)
        && LETTERS.get(rest as usize) == Some(letter)
}

fn it_cf(value: &[u8]) -> bool {
    const ODD: [u32; 26] = [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24,
        23,
    ];
    let text = plain(value);
    let worth = |(index, c): (usize, &u8)| {
        let n = match c {
            b'0'..=b'9' => usize::from(c - b'0'),
            _ => usize::from(c.saturating_sub(b'A')),
        };
        if index % 2 == 0 {
            ODD.get(n).copied().unwrap_or(0)
        } else {
            u32::try_from(n).unwrap_or(0)
        }
    };
    let sum: u32 = text.iter().take(15).enumerate().map(worth).sum();
    text.len() == 16 && text.last().map(|c| u32::from(*c)) == Some(sum % 26 + u32::from(b'A'))
}

fn nl_bsn(value: &[u8]) -> bool {
    let d = digits(value);
    plausible(&d, 9)
        && (weighted(&d, &[9, 8, 7, 6, 5, 4, 3, 2]) + 10 * at(&d, 8)).is_multiple_of(11)
}

fn be_nn(value: &[u8]) -> bool {
    let d = digits(value);
    let (body, check) = (part(&d, 0, 9), part(&d, 9, 11));
    // The day runs over where a month had more births than numbers.
    plausible(&d, 11)
        && part(&d, 2, 4) <= 12
        && (97 - body % 97 == check || 97 - (2_000_000_000 + body) % 97 == check)
}

fn pt_nif(value: &[u8]) -> bool {
    let d = digits(value);
    let check = (11 - weighted(&d, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11) % 11 % 10;
    plausible(&d, 9) && at(&d, 0) != 0 && check == at(&d, 8)
}

fn pl_pesel(value: &[u8]) -> bool {
    let d = digits(value);
    plausible(&d, 11)
        && date(part(&d, 2, 4) % 20, part(&d, 4, 6))
        && weighted(&d, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]).is_multiple_of(10)
}

fn se_pnr(value: &[u8]) -> bool {
    let all = digits(value);
    let d = all.get(all.len().saturating_sub(10)..).unwrap_or_default();
    let day = part(d, 4, 6);
    matches!(all.len(), 10 | 12)
        && plausible(d, 10)
        && date(part(d, 2, 4), if day > 60 { day - 60 } else { day })
        && luhn_holds(d)
}

fn fi_hetu(value: &[u8]) -> bool {
    const LETTERS: &[u8; 31] = b"0123456789ABCDEFHJKLMNPRSTUVWXY";
    let (Some(birth), Some(serial), Some(check)) =
        (value.get(..6), value.get(7..10), value.get(10))
    else {
        return false;
    };
    let whole = [digits(birth), digits(serial)].concat();
    whole.len() == 9
        && date(part(&whole, 2, 4), part(&whole, 0, 2))
        && LETTERS.get((number(&whole) % 31) as usize) == Some(&check.to_ascii_uppercase())
}

fn dk_cpr(value: &[u8]) -> bool {
    let d = digits(value);
    plausible(&d, 10) && date(part(&d, 2, 4), part(&d, 0, 2))
}

fn no_fnr(value: &[u8]) -> bool {
    let d = digits(value);
    let day = part(&d, 0, 2);
    let first = (11 - weighted(&d, &[3, 7, 6, 1, 8, 9, 4, 5, 2]) % 11) % 11;
    let second = (11 - weighted(&d, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11) % 11;
    plausible(&d, 11)
        && date(part(&d, 2, 4) % 40, if day > 40 { day - 40 } else { day })
        && first == at(&d, 9)
        && second == at(&d, 10)
}

fn ean(d: &[u32]) -> bool {
    let weights = [1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1];
    weighted(d, &weights).is_multiple_of(10)
}

fn ch_ahv(value: &[u8]) -> bool {
    let d = digits(value);
    plausible(&d, 13) && part(&d, 0, 3) == 756 && ean(&d)
}

fn at_vnr(value: &[u8]) -> bool {
    let d = digits(value);
    plausible(&d, 10)
        && at(&d, 0) != 0
        && weighted(&d, &[3, 7, 9, 0, 5, 8, 4, 2, 1, 6]) % 11 == at(&d, 3)
        && matches!(part(&d, 6, 8), 1..=15)
        && matches!(part(&d, 4, 6), 1..=31)
}

fn cz_rc(value: &[u8]) -> bool {
    let d = digits(value);
    let rest = part(&d, 0, 9) % 11 % 10;
    plausible(&d, 10)
        && date(part(&d, 2, 4) % 50 % 20, part(&d, 4, 6))
        && rest == u64::from(at(&d, 9))
}

fn ro_cnp(value: &[u8]) -> bool {
    let d = digits(value);
    let check = match weighted(&d, &[2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9]) % 11 {
        10 => 1,
        rest => rest,
    };
    plausible(&d, 13)
        && at(&d, 0) != 0
        && date(part(&d, 3, 5), part(&d, 5, 7))
        && check == at(&d, 12)
}

fn bg_egn(value: &[u8]) -> bool {
    let d = digits(value);
    let check = weighted(&d, &[2, 4, 8, 5, 10, 9, 7, 3, 6]) % 11 % 10;
    plausible(&d, 10) && date(part(&d, 2, 4) % 20, part(&d, 4, 6)) && check == at(&d, 9)
}

fn gr_amka(value: &[u8]) -> bool {
    let d = digits(value);
    plausible(&d, 11) && date(part(&d, 2, 4), part(&d, 0, 2)) && luhn_holds(&d)
}

fn hr_oib(value: &[u8]) -> bool {
    let d = digits(value);
    plausible(&d, 11) && mod_11_10(&d)
}

fn ee_ik(value: &[u8]) -> bool {
    let d = digits(value);
    let mut check = weighted(&d, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 1]) % 11;
    if check == 10 {
        check = weighted(&d, &[3, 4, 5, 6, 7, 8, 9, 1, 2, 3]) % 11 % 10;
    }
    plausible(&d, 11)
        && matches!(at(&d, 0), 1..=8)
        && date(part(&d, 3, 5), part(&d, 5, 7))
        && check == at(&d, 10)
}

fn ie_pps(value: &[u8]) -> bool {
    const LETTERS: &[u8; 23] = b"WABCDEFGHIJKLMNOPQRSTUV";
    let text = plain(value);
    let second = match text.get(8) {
        Some(b'W') | None => 0,
        Some(letter) => u32::from(letter.saturating_sub(b'A')) + 1,
    };
    let sum = weighted(&digits(&text), &[8, 7, 6, 5, 4, 3, 2]) + 9 * second;
    LETTERS.get((sum % 23) as usize) == text.get(7)
}

fn tr_tckn(value: &[u8]) -> bool {
    let d = digits(value);
    let odd = weighted(&d, &[1, 0, 1, 0, 1, 0, 1, 0, 1]);
    let even = weighted(&d, &[0, 1, 0, 1, 0, 1, 0, 1]);
    let sum: u32 = d.iter().take(10).sum();
    plausible(&d, 11)
        && at(&d, 0) != 0
        && (odd * 7 + 1000 - even) % 10 == at(&d, 9)
        && sum % 10 == at(&d, 10)
}

fn il_idnr(value: &[u8]) -> bool {
    let d = digits(value);
    plausible(&d, 9) && luhn_holds(&d)
}

fn mod_11(d: &[u32], weights: &[u32]) -> u32 {
    match weighted(d, weights) % 11 {
        0 | 1 => 0,
        rest => 11 - rest,
    }
}

fn br_cpf(value: &[u8]) -> bool {
    let d = digits(value);
    plausible(&d, 11)
        && mod_11(&d, &[10, 9, 8, 7, 6, 5, 4, 3, 2]) == at(&d, 9)
        && mod_11(&d, &[11, 10, 9, 8, 7, 6, 5, 4, 3, 2]) == at(&d, 10)
}

fn br_cnpj(value: &[u8]) -> bool {
    let d = digits(value);
    plausible(&d, 14)
        && mod_11(&d, &[5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]) == at(&d, 12)
        && mod_11(&d, &[6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]) == at(&d, 13)
}

fn ar_cuit(value: &[u8]) -> bool {
    let d = digits(value);
    let check = ((11 - weighted(&d, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11) % 11).min(9);
    plausible(&d, 11)
        && matches!(
            part(&d, 0, 2),
            20 | 23 | 24 | 27 | 30 | 33 | 34 | 50 | 51 | 55
        )
        && check == at(&d, 10)
}

fn cl_rut(value: &[u8]) -> bool {
    let text = plain(value);
    let Some((check, body)) = text.split_last() else {
        return false;
    };
    let sum: u32 = digits(body)
        .iter()
        .rev()
        .zip([2, 3, 4, 5, 6, 7].iter().cycle())
        .map(|(digit, weight)| digit * weight)
        .sum();
    let expected = match 11 - sum % 11 {
        11 => b'0',
        10 => b'K',
        rest => u8::try_from(rest).unwrap_or(0) + b'0',
    };
    matches!(body.len(), 7 | 8) && body.iter().all(u8::is_ascii_digit) && expected == *check
}

fn mx_curp(value: &[u8]) -> bool {
    let worth = |c: &u8| match c {
        b'0'..=b'9' => u32::from(c - b'0'),
        b'A'..=b'N' => u32::from(c - b'A') + 10,
        // The Spanish alphabet has one letter between N and O.
        b'O'..=b'Z' => u32::from(c - b'A') + 11,
        _ => 0,
    };
    let text = plain(value);
    let sum: u32 = text
        .iter()
        .take(17)
        .zip((2..=18).rev())
        .map(|(c, weight)| worth(c) * weight)
        .sum();
    let d = digits(text.get(4..10).unwrap_or_default());
    text.len() == 18
        && date(part(&d, 2, 4), part(&d, 4, 6))
        && text.last().map(worth) == Some((10 - sum % 10) % 10)
}

fn ca_sin(value: &[u8]) -> bool {
    let d = digits(value);
    plausible(&d, 9) && !matches!(at(&d, 0), 0 | 8) && luhn_holds(&d)
}

fn au_tfn(value: &[u8]) -> bool {
    let d = digits(value);
    match d.len() {
        9 => plausible(&d, 9) && weighted(&d, &[1, 4, 3, 7, 5, 8, 6, 9, 10]).is_multiple_of(11),
        8 => plausible(&d, 8) && weighted(&d, &[10, 7, 8, 4, 6, 3, 5, 1]).is_multiple_of(11),
        _ => false,
    }
}

fn au_medicare(value: &[u8]) -> bool {
    let d = digits(value);
    matches!(d.len(), 10 | 11)
        && matches!(at(&d, 0), 2..=6)
        && weighted(&d, &[1, 3, 7, 9, 1, 3, 7, 9]) % 10 == at(&d, 8)
}

/// The dihedral group that Verhoeff's check is computed in.
const TIMES: [[u32; 10]; 10] = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    [1, 2, 3, 4, 0, 6, 7, 8, 9, 5],
    [2, 3, 4, 0, 1, 7, 8, 9, 5, 6],
    [3, 4, 0, 1, 2, 8, 9, 5, 6, 7],
    [4, 0, 1, 2, 3, 9, 5, 6, 7, 8],
    [5, 9, 8, 7, 6, 0, 4, 3, 2, 1],
    [6, 5, 9, 8, 7, 1, 0, 4, 3, 2],
    [7, 6, 5, 9, 8, 2, 1, 0, 4, 3],
    [8, 7, 6, 5, 9, 3, 2, 1, 0, 4],
    [9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
];
const MOVED: [u32; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];

fn in_aadhaar(value: &[u8]) -> bool {
    let d = digits(value);
    let rest = d
        .iter()
        .rev()
        .enumerate()
        .fold(0u32, |rest, (place, digit)| {
            let moved = (0..place % 8).fold(*digit, |digit, _| {
                MOVED.get(digit as usize).copied().unwrap_or(0)
            });
            TIMES
                .get(rest as usize)
                .and_then(|row| row.get(moved as usize))
                .copied()
                .unwrap_or(0)
        });
    plausible(&d, 12) && at(&d, 0) > 1 && rest == 0
}

fn cn_ric(value: &[u8]) -> bool {
    let text = plain(value);
    let d = digits(text.get(..17).unwrap_or_default());
    let rest = weighted(&d, &[7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]) % 11;
    let year = part(&d, 6, 10);
    text.len() == 18
        && d.len() == 17
        && (1900..=2099).contains(&year)
        && date(part(&d, 10, 12), part(&d, 12, 14))
        && b"10X98765432".get(rest as usize) == text.last()
}

fn kr_rrn(value: &[u8]) -> bool {
    let d = digits(value);
    let check = (11 - weighted(&d, &[2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]) % 11) % 10;
    plausible(&d, 13) && date(part(&d, 2, 4), part(&d, 4, 6)) && check == at(&d, 12)
}

fn jp_in(value: &[u8]) -> bool {
    let d = digits(value);
    let check = mod_11(&d, &[6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]);
    plausible(&d, 12) && check == at(&d, 11)
}

fn tw_id(value: &[u8]) -> bool {
    const AREAS: &[u8; 26] = b"ABCDEFGHJKLMNPQRSTUVXYWZIO";
    let text = plain(value);
    let Some(area) = text
        .first()
        .and_then(|c| AREAS.iter().position(|known| known == c))
    else {
        return false;
    };
    let area = u32::try_from(area).unwrap_or(0) + 10;
    let d = digits(text.get(1..).unwrap_or_default());
    let sum = area / 10 + area % 10 * 9 + weighted(&d, &[8, 7, 6, 5, 4, 3, 2, 1, 1]);
    d.len() == 9 && sum.is_multiple_of(10)
}

fn sg_nric(value: &[u8]) -> bool {
    let text = plain(value);
    let d = digits(text.get(1..8).unwrap_or_default());
    let sum = weighted(&d, &[2, 7, 6, 5, 4, 3, 2]);
    let (letters, more): (&[u8; 11], u32) = match text.first() {
        Some(b'S') => (b"JZIHGFEDCBA", 0),
        Some(b'T') => (b"JZIHGFEDCBA", 4),
        Some(b'F') => (b"XWUTRQPNMLK", 0),
        Some(b'G') => (b"XWUTRQPNMLK", 4),
        _ => return false,
    };
    text.len() == 9 && letters.get(((sum + more) % 11) as usize) == text.get(8)
}

fn my_nric(value: &[u8]) -> bool {
    let d = digits(value);
    plausible(&d, 12)
        && date(part(&d, 2, 4), part(&d, 4, 6))
        && matches!(part(&d, 6, 8), 1..=16 | 21..=68 | 71 | 72 | 74..=79 | 82..=93 | 98 | 99)
}

fn th_pin(value: &[u8]) -> bool {
    let d = digits(value);
    let check = (11 - weighted(&d, &[13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11) % 10;
    plausible(&d, 13) && !matches!(at(&d, 0), 0 | 9) && check == at(&d, 12)
}

fn za_idnr(value: &[u8]) -> bool {
    let d = digits(value);
    plausible(&d, 13)
        && date(part(&d, 2, 4), part(&d, 4, 6))
        && matches!(at(&d, 10), 0 | 1)
        && luhn_holds(&d)
}

fn ru_snils(value: &[u8]) -> bool {
    let d = digits(value);
    let check = weighted(&d, &[9, 8, 7, 6, 5, 4, 3, 2, 1]) % 101 % 100;
    plausible(&d, 11) && u64::from(check) == part(&d, 9, 11)
}

fn ru_inn(value: &[u8]) -> bool {
    let d = digits(value);
    plausible(&d, 12)
        && weighted(&d, &[7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) % 11 % 10 == at(&d, 10)
        && weighted(&d, &[3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) % 11 % 10 == at(&d, 11)
}
