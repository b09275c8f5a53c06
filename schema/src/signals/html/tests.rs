//! Laws of the reading of pages: it never panics, and the pre-check never hides anything.

use super::tags::{Found, Tags};
use super::*;
use proptest::prelude::*;

fn read(page: &str) -> Parsed {
    parse(page.as_bytes(), AgentTable::builtin())
}

/// Everything that a page says, without leave of the pre-check.
fn read_whole(bytes: &[u8]) -> Parsed {
    read_until(bytes, AgentTable::builtin(), usize::MAX, Vec::new())
}

/// Pieces of which marks and near misses are made.
fn piece() -> impl Strategy<Value = String> {
    let pieces = [
        "<meta name=robots content=\"noai\">",
        "<META NAME='RoBots' CONTENT=NoIndex>",
        "<meta name=GPTBot content=none>",
        "<meta name=description content=none>",
        "<meta name=\"ai-training\" content=\"no\">",
        "<meta property=og:title content=x>",
        "<meta name=tdm-reservation content=1>",
        "<meta name=dcterms.license content=https://creativecommons.org/licenses/by/4.0/>",
        "<link rel=canonical href=/a>",
        "<link rel=\"stylesheet\" href=/license>",
        "<LINK REL=\"alternate LICENSE\" HREF=//x.example/terms>",
        "<link rel=license type=application/rsl+xml href=/l.xml>",
        "<a rel=license href=https://creativecommons.org/licenses/by/4.0/>",
        "<a property=\"cc:license\" resource=x>",
        "<span itemprop='http://schema.org/license' content=x>",
        "<script type=application/ld+json>{\"@type\":\"Article\",\"license\":\"MIT\"}</script>",
        "<script type=\"application/LD+JSON\" data-x=\">\">{\"isAccessibleForFree\":false}</script>",
        "<script type=application/ld+json>{\"creditText\":\"Somebody\",\"@type\":\"ImageObject\"}",
        "<script type=application/rsl+xml><rsl xmlns=\"https://rslstandard.org/rsl\"></rsl></script>",
        "<!-- ",
        " -->",
        "<script>",
        "</script>",
        "<title>",
        "</title>",
        "<footer>",
        "</footer>",
        "<figure>",
        "<body>",
        "license",
        " = ",
        "\"",
        "'",
        ">",
        "<",
        "=",
        "&#97;",
        "\u{e9}",
        "\n",
        "\0",
    ];
    prop_oneof![
        6 => proptest::sample::select(pieces.to_vec()).prop_map(str::to_owned),
        1 => "[a-z<>=\"' /]{0,90}",
    ]
}

fn flip_cases(text: &mut [u8], seeds: &[usize]) {
    for seed in seeds {
        if let Some(byte) = text.len().checked_sub(1).and_then(|last| text.get_mut(seed % (last + 1))) {
            *byte = if byte.is_ascii_alphabetic() { *byte ^ 0x20 } else { *byte };
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = read_whole(&bytes);
        let _ = may_speak(&bytes);
    }

    #[test]
    fn the_pre_check_hides_nothing(
        pieces in proptest::collection::vec(piece(), 0..8),
        seeds in proptest::collection::vec(any::<usize>(), 0..6),
        cut in any::<usize>(),
    ) {
        let mut page = pieces.concat().into_bytes();
        flip_cases(&mut page, &seeds);
        if !page.is_empty() && cut % 3 == 0 {
            page.truncate(cut % page.len());
        }
        let whole = read_whole(&page);
        prop_assert!(may_speak(&page) || whole.is_silent(), "{:?} in {:?}", whole, String::from_utf8_lossy(&page));
        let mut bounded = parse(&page, AgentTable::builtin());
        if !is_utf16(&page) {
            let mut whole = whole;
            (whole.complaints, bounded.complaints) = (Vec::new(), Vec::new());
            prop_assert_eq!(bounded, whole, "what stops early reads as much");
        }
    }
}

#[test]
fn hostile_repetition_stays_linear() {
    for piece in [
        "<a ",
        "<!--",
        "<meta name=robots content=noai,",
        "<script>",
        "</",
        "<meta ",
        "license=",
        "ld+json",
        "<script type=application/ld+json>",
        "<",
    ] {
        let page = piece.repeat(400_000 / piece.len());
        let _ = (may_speak(page.as_bytes()), read_whole(page.as_bytes()));
    }
}

#[test]
fn text_in_comments_and_scripts_is_no_tag() {
    let page = "<!-- <meta name=robots content=noai> --><script>'<meta name=robots content=noai>'</script><title><a b></title>";
    let names: Vec<String> = Tags::new(page.as_bytes())
        .filter_map(|found| match found {
            Found::Start(tag) => Some(page[tag.name].to_owned()),
            _ => None,
        })
        .collect();
    assert_eq!(names, ["script", "title"]);
    assert!(read(page).is_silent());
    assert!(!read("<meta name=robots content=noai>").is_silent());
}
