//! Whatever bytes come, nothing panics, the cut of a stream changes nothing, and what is masked keeps its layout.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use sluice_kernel::copy::{CopyMask, Format, Marks};
use sluice_kernel::frames::{count, head, Frames};
use sluice_kernel::masks::{ColumnMask, Key, Made, Seen};
use sluice_kernel::{normalize, rows, skim};

const METHODS: [&str; 8] = [
    "null",
    "redact",
    "partial",
    "email",
    "hash",
    "pseudonym",
    "generalize",
    "scrub",
];
const KINDS: [&str; 20] = [
    "text",
    "varchar",
    "bpchar",
    "char",
    "name",
    "json",
    "jsonb",
    "xml",
    "uuid",
    "int2",
    "int4",
    "int8",
    "oid",
    "float4",
    "float8",
    "numeric",
    "date",
    "timestamp",
    "timestamptz",
    "bytea",
];

fn config(cases: u32) -> Config {
    Config {
        cases,
        rng_seed: RngSeed::Fixed(20_260_101),
        failure_persistence: None,
        ..Config::default()
    }
}

fn mask(method: &str, kind: &str, array: bool, binary: bool) -> Option<ColumnMask> {
    let kind = if array {
        format!("array:{kind}")
    } else {
        kind.to_owned()
    };
    let params = [("max_len", "7"), ("precision", "5"), ("scale", "2")];
    ColumnMask::new(method, &kind, binary, params, &Key::new(b"k"), None).ok()
}

/// Every mask on one value; what comes out of a text is no longer than it may be.
fn all_masks(value: &[u8]) {
    for method in METHODS {
        for kind in KINDS {
            for (array, binary) in [(false, false), (false, true), (true, false), (true, true)] {
                let mut out = Vec::new();
                let mask = mask(method, kind, array, binary);
                let shown = mask.is_some_and(|mask| {
                    mask.apply(value, &mut out, &mut Seen::default()) == Made::New
                });
                if shown && !array && kind == "varchar" {
                    assert!(String::from_utf8_lossy(&out).chars().count() <= 7);
                }
            }
        }
    }
}

/// Bytes that look like messages often enough to get past the first check.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let kind = prop::sample::select(b"DdQPBSCTZEN\0".to_vec());
    let message = (kind, vec(any::<u8>(), 0..20), 0..20u32).prop_map(|(kind, body, lie)| {
        let length = body.len() as u32 + if lie == 0 { 7 } else { 4 };
        [&[kind][..], &length.to_be_bytes(), &body].concat()
    });
    vec(message, 0..8).prop_map(|messages| messages.concat())
}

/// What comes of a stream, its runs of rows taken together, since their cut may follow that of the data.
fn heard(frames: &mut Frames, parts: &[&[u8]]) -> Vec<(u8, Vec<u8>)> {
    let mut heard: Vec<(u8, Vec<u8>)> = Vec::new();
    for part in parts {
        let done: Result<(), ()> = frames.feed(part, |kind, raw| {
            match heard.last_mut() {
                Some((last, run)) if *last == kind && matches!(kind, b'D' | b'd') => {
                    run.extend_from_slice(raw)
                }
                _ => heard.push((kind, raw.to_vec())),
            }
            Ok(())
        });
        assert_eq!(done, Ok(()));
    }
    heard
}

fn parts<'a>(data: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut at = 0;
    let mut found = Vec::new();
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (data.len() + 1)).collect();
    cuts.sort_unstable();
    for cut in cuts.into_iter().chain([data.len()]) {
        found.push(data.get(at..cut).unwrap_or_default());
        at = cut;
    }
    found
}

proptest! {
    #![proptest_config(config(200))]

    #[test]
    fn the_cut_of_a_stream_changes_nothing(
        data in stream(), cuts in vec(any::<usize>(), 0..6), server: bool, streams: bool, most in 5usize..40
    ) {
        let made = |parts: &[&[u8]]| {
            let mut frames = Frames::new(server, most);
            frames.stream = streams;
            (heard(&mut frames, parts), frames.take_rows(), frames.pending())
        };
        let each: Vec<&[u8]> = data.chunks(1).collect();
        let whole = made(&[&data]);
        prop_assert_eq!(&whole, &made(&parts(&data, &cuts)));
        prop_assert_eq!(&whole, &made(&each));
    }

    #[test]
    fn no_bytes_make_a_run_or_a_signature_panic(data in vec(any::<u8>(), 0..80), n: u64) {
        let _ = (count(&data), head(&data, n), skim::asked(&data), skim::answered(&data), normalize::normalize(&data));
    }

    #[test]
    fn no_messages_make_a_run_or_a_signature_panic(data in stream(), n in 0u64..9) {
        let _ = (count(&data), head(&data, n), skim::asked(&data), skim::answered(&data));
    }

    #[test]
    fn no_row_makes_a_mask_panic_and_a_masked_run_is_a_run(
        bodies in vec(vec(any::<u8>(), 0..24), 0..4), method in prop::sample::select(METHODS.to_vec()), binary: bool
    ) {
        let columns = [None, mask(method, "text", false, binary), mask(method, "int4", true, binary)];
        for width in 0..=columns.len() {
            let run: Vec<u8> = bodies
                .iter()
                .flat_map(|body| {
                    let body = [&(width as u16).to_be_bytes()[..], body].concat();
                    [&b"D"[..], &(body.len() as u32 + 4).to_be_bytes(), &body].concat()
                })
                .collect();
            let columns = columns.get(..width).unwrap_or_default();
            let mut out = Vec::new();
            if let Ok((rows, same)) = rows::mask(
                &run,
                columns,
                &mut out,
                &mut vec![0; width],
                &mut Seen::default(),
            ) {
                prop_assert_eq!(count(if same { &run } else { &out }), Ok(rows));
                prop_assert!(!same || out.is_empty());
                prop_assert_eq!(count(&run), Ok(rows));
            }
        }
    }

    #[test]
    fn a_copy_of_anything_is_masked_or_an_error_wherever_it_is_cut(
        data in vec(prop::sample::select(b"ab1\n\n\t,,\"\"\\N\0\xff\xc3".to_vec()), 0..60),
        cuts in vec(any::<usize>(), 0..5),
        format in prop::sample::select(vec![Format::Text, Format::Csv, Format::Binary]),
        header: bool,
        escape in prop::sample::select(b"\"\\,".to_vec()),
    ) {
        let data = if format == Format::Binary {
            [b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0", &data[..]].concat()
        } else {
            data
        };
        let made = |parts: &[&[u8]]| {
            let marks = Marks {
                delimiter: if format == Format::Csv { b',' } else { b'\t' },
                null: if format == Format::Csv { Vec::new() } else { b"\\N".to_vec() },
                quote: b'"',
                escape,
            };
            let columns = vec![None, mask("partial", "text", false, format == Format::Binary)];
            let mut copy = CopyMask::new(columns, format, marks, header, 1 << 20);
            let (mut out, mut hidden, mut rows) = (Vec::new(), vec![0; 2], 0);
            for part in parts {
                let message = [&b"d"[..], &(part.len() as u32 + 4).to_be_bytes(), part].concat();
                rows += copy.feed(&message, &mut out, &mut hidden, &mut Seen::default())?.0;
            }
            copy.finish().map(|()| (out, hidden, rows))
        };
        let whole = made(&[&data]);
        prop_assert_eq!(whole.is_ok(), made(&parts(&data, &cuts)).is_ok());
        if whole.is_ok() {
            prop_assert_eq!(&whole, &made(&parts(&data, &cuts)));
            prop_assert_eq!(&whole, &made(&data.chunks(1).collect::<Vec<_>>()));
        }
    }
}

proptest! {
    #![proptest_config(config(40))]

    #[test]
    fn no_bytes_make_a_mask_panic(value in vec(any::<u8>(), 0..40)) {
        all_masks(&value);
    }

    #[test]
    fn nothing_that_looks_like_a_value_makes_a_mask_panic(
        value in "(-?[0-9]{1,24}(\\.[0-9]{0,9})?|-?[0-9]e[0-9]{1,4}|[0-9]{4,7}-[01][0-9]-[0-3][0-9]( BC| [0-2][0-9]:[0-5][0-9]:59\\.9[+-]14)?|\\[?[{]{1,3}[0-9a\",\\\\N=:\\]]{0,12}[}]{0,3}|\\\\x[0-9a-f]{0,9}|[{\"]{1,2}\\\\u[0-9a-fx\\\\]{0,5}[\"}]{0,2}|.{0,9}@.{0,9})"
    ) {
        all_masks(value.as_bytes());
    }

    #[test]
    fn no_layout_makes_a_binary_mask_panic(
        words in vec(prop::sample::select(vec![0u16, 1, 2, 3, 7, 23, 25, 0x4000, 0x7fff, 0x8000, 0xc000, 0xffff, 9999]), 0..20)
    ) {
        all_masks(&words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>());
    }
}
