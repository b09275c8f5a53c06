//! The one canonical JSON form: RFC 8785 without fractions, without big integers, bounded in size and depth.
//!
//! Two parties sign and hash the same bytes only if a value has exactly one form. RFC 8785 gives it, with one trap: it
//! passes every number through a double, so 9007199254740993 and 9007199254740992 would share one form and one
//! signature. Numbers are therefore integers within ±(2^53 - 1), and nothing else; amounts are strings.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The longest statement payload, in bytes.
pub const MAX_PAYLOAD: usize = 48_000;

/// How many arrays and objects may stand in each other.
pub const MAX_DEPTH: usize = 32;

/// The greatest integer, and without its sign the least, that a number may be: 2^53 - 1.
pub const MAX_INTEGER: u64 = (1 << 53) - 1;

/// Why bytes are not the canonical form, or a value has none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CanonError {
    /// Longer than the caller's bound.
    #[error("{length} bytes of JSON are longer than {limit}")]
    TooLong {
        /// The bytes there are.
        length: usize,
        /// The bytes that are allowed.
        limit: usize,
    },
    /// More than [`MAX_DEPTH`] arrays and objects in each other.
    #[error("JSON is nested deeper than {MAX_DEPTH} at byte {offset}")]
    TooDeep {
        /// Where the first bracket too many stands.
        offset: usize,
    },
    /// A number with a fraction or an exponent, or a minus zero.
    #[error("the number at byte {offset} is not a plain integer")]
    NotInteger {
        /// Where the number begins.
        offset: usize,
    },
    /// An integer beyond ±(2^53 - 1).
    #[error("the integer at byte {offset} is beyond 2^53 - 1")]
    BigInteger {
        /// Where the number begins.
        offset: usize,
    },
    /// Not UTF-8.
    #[error("JSON must be UTF-8, byte {offset} is not")]
    NotUtf8 {
        /// The first byte that is not.
        offset: usize,
    },
    /// Not JSON, or a value that JSON can't hold.
    #[error("malformed JSON: {0}")]
    Malformed(String),
    /// JSON in another form: spaces, member order, escapes, or a member twice.
    #[error("JSON is not in canonical form from byte {offset} on")]
    NotCanonical {
        /// The first byte that differs from the canonical form.
        offset: usize,
    },
}

/// The canonical bytes of a value, at most [`MAX_PAYLOAD`].
///
/// # Errors
///
/// Every variant but [`CanonError::NotUtf8`] and [`CanonError::NotCanonical`].
pub fn to_canonical(value: &impl Serialize) -> Result<Vec<u8>, CanonError> {
    to_canonical_within(value, MAX_PAYLOAD)
}

/// The canonical bytes of a value, at most `limit`.
///
/// # Errors
///
/// As [`to_canonical`].
pub fn to_canonical_within(value: &impl Serialize, limit: usize) -> Result<Vec<u8>, CanonError> {
    // The writer refuses a member that a value gives twice. It would round big integers, but never below 2^53, so that
    // the scan after it still refuses them; and it shows a float that is a whole number as the integer it is.
    let bytes = write(value)?;
    check_length(&bytes, limit)?;
    scan(&bytes)?;
    Ok(bytes)
}

/// Reads canonical bytes, at most [`MAX_PAYLOAD`].
///
/// # Errors
///
/// Every variant of [`CanonError`]. A member given twice is [`CanonError::NotCanonical`].
pub fn check_canonical(bytes: &[u8]) -> Result<Value, CanonError> {
    check_canonical_within(bytes, MAX_PAYLOAD)
}

/// Reads canonical bytes, at most `limit`.
///
/// # Errors
///
/// As [`check_canonical`].
pub fn check_canonical_within(bytes: &[u8], limit: usize) -> Result<Value, CanonError> {
    check_length(bytes, limit)?;
    let text = std::str::from_utf8(bytes).map_err(|error| CanonError::NotUtf8 { offset: error.valid_up_to() })?;
    // Before parsing: hostile nesting must not reach a recursive parser, nor a big integer a rounding one.
    scan(bytes)?;
    let value: Value = serde_json::from_str(text).map_err(|error| CanonError::Malformed(complaint(&error)))?;
    let canonical = write(&value)?;
    if canonical == bytes {
        return Ok(value);
    }
    let same = canonical.iter().zip(bytes).take_while(|(wanted, found)| wanted == found).count();
    Err(CanonError::NotCanonical { offset: same })
}

/// Reads canonical bytes, at most [`MAX_PAYLOAD`], as a type of ours.
///
/// # Errors
///
/// As [`check_canonical`]; a shape that the type does not have is [`CanonError::Malformed`].
pub fn from_canonical<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CanonError> {
    serde_json::from_value(check_canonical(bytes)?).map_err(|error| CanonError::Malformed(complaint(&error)))
}

fn write(value: &impl Serialize) -> Result<Vec<u8>, CanonError> {
    serde_json_canonicalizer::to_vec(value).map_err(|error| CanonError::Malformed(complaint(&error)))
}

/// What the JSON parser complains of, cut: it may quote a hostile member name of any length.
pub(crate) fn complaint(error: &serde_json::Error) -> String {
    error.to_string().chars().take(200).collect()
}

fn check_length(bytes: &[u8], limit: usize) -> Result<(), CanonError> {
    let length = bytes.len();
    if length > limit { Err(CanonError::TooLong { length, limit }) } else { Ok(()) }
}

/// Checks depth and numbers of JSON text in one pass without recursion; leaves the grammar to the parser.
fn scan(bytes: &[u8]) -> Result<(), CanonError> {
    let mut depth = 0_usize;
    let mut offset = 0;
    while let Some(byte) = bytes.get(offset) {
        match byte {
            b'"' => offset = string_end(bytes, offset + 1),
            b'[' | b'{' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(CanonError::TooDeep { offset });
                }
                offset += 1;
            }
            b']' | b'}' => {
                depth = depth.saturating_sub(1);
                offset += 1;
            }
            b'-' | b'0'..=b'9' => {
                let length = bytes[offset..].iter().take_while(|byte| is_number_part(**byte)).count();
                check_number(&bytes[offset..offset + length], offset)?;
                offset += length;
            }
            _ => offset += 1,
        }
    }
    Ok(())
}

/// The offset after the quote that ends a string, or the end of the text.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut offset = start;
    while let Some(byte) = bytes.get(offset) {
        offset += match byte {
            b'"' => return offset + 1,
            b'\\' => 2,
            _ => 1,
        };
    }
    bytes.len()
}

fn is_number_part(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')
}

fn check_number(token: &[u8], offset: usize) -> Result<(), CanonError> {
    let digits = token.strip_prefix(b"-").unwrap_or(token);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) || token == b"-0" {
        return Err(CanonError::NotInteger { offset });
    }
    // 2^53 - 1 has 16 digits; more need no arithmetic.
    let number = digits.iter().take(17).fold(0_u64, |number, digit| number * 10 + u64::from(digit - b'0'));
    if number > MAX_INTEGER { Err(CanonError::BigInteger { offset }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CASES: &str = include_str!("../../tests/vectors/canon/cases.json");

    #[derive(serde::Deserialize)]
    struct Cases {
        accept: Vec<Accept>,
        refuse: Vec<Refuse>,
    }

    #[derive(serde::Deserialize)]
    struct Accept {
        story: String,
        text: String,
    }

    #[derive(serde::Deserialize)]
    struct Refuse {
        story: String,
        text: Option<String>,
        hex: Option<String>,
        /// Missing: malformed JSON, in the parser's own words.
        error: Option<String>,
    }

    #[test]
    fn vectors() {
        let cases: Cases = serde_json::from_str(CASES).unwrap();
        assert!(cases.accept.len() > 10 && cases.refuse.len() > 30);
        for case in &cases.accept {
            let value = check_canonical(case.text.as_bytes()).unwrap_or_else(|error| panic!("{}: {error}", case.story));
            assert_eq!(to_canonical(&value).unwrap(), case.text.as_bytes(), "{}", case.story);
        }
        for case in &cases.refuse {
            let bytes = match (&case.text, &case.hex) {
                (Some(text), None) => text.clone().into_bytes(),
                (None, Some(hex)) => data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap(),
                _ => panic!("{}: a case has a text or a hex", case.story),
            };
            let error = check_canonical(&bytes).expect_err(&case.story);
            match &case.error {
                Some(wanted) => assert_eq!(error.to_string(), *wanted, "{}", case.story),
                None => assert!(matches!(error, CanonError::Malformed(_)), "{}: {error}", case.story),
            }
        }
    }

    #[test]
    fn bounds_hold_on_both_sides() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(check_canonical(nested(MAX_DEPTH).as_bytes()).is_ok());
        assert_eq!(check_canonical(nested(MAX_DEPTH + 1).as_bytes()), Err(CanonError::TooDeep { offset: MAX_DEPTH }));
        let open = "[".repeat(40_000);
        assert_eq!(check_canonical(open.as_bytes()), Err(CanonError::TooDeep { offset: MAX_DEPTH }));
        let string = |length: usize| format!("\"{}\"", "a".repeat(length - 2));
        assert!(check_canonical(string(MAX_PAYLOAD).as_bytes()).is_ok());
        assert_eq!(
            check_canonical(string(MAX_PAYLOAD + 1).as_bytes()),
            Err(CanonError::TooLong { length: MAX_PAYLOAD + 1, limit: MAX_PAYLOAD })
        );
    }

    #[test]
    fn values_without_a_canonical_form_are_not_written() {
        assert_eq!(to_canonical(&MAX_INTEGER), Ok(b"9007199254740991".to_vec()));
        assert_eq!(to_canonical(&-9_007_199_254_740_991_i64), Ok(b"-9007199254740991".to_vec()));
        for big in [MAX_INTEGER + 1, MAX_INTEGER + 2, u64::MAX] {
            assert_eq!(to_canonical(&[big]), Err(CanonError::BigInteger { offset: 1 }), "{big}");
        }
        assert_eq!(to_canonical(&[i64::MIN]), Err(CanonError::BigInteger { offset: 1 }));
        assert_eq!(to_canonical(&0.5_f64), Err(CanonError::NotInteger { offset: 0 }));
        assert!(matches!(to_canonical(&f64::NAN), Err(CanonError::Malformed(_))));
        let mut deep = Value::Null;
        for _ in 0..=MAX_DEPTH {
            deep = Value::Array(vec![deep]);
        }
        assert_eq!(to_canonical(&deep), Err(CanonError::TooDeep { offset: MAX_DEPTH }));
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let limit = i64::try_from(MAX_INTEGER).unwrap();
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-limit..=limit).prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(6, 64, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..8)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn canonical_of_parsed_canonical_is_itself(value in any_value()) {
            let bytes = to_canonical(&value).unwrap();
            let parsed = check_canonical(&bytes).unwrap();
            prop_assert_eq!(&parsed, &value);
            prop_assert_eq!(to_canonical(&parsed).unwrap(), bytes);
        }

        #[test]
        fn one_changed_byte_is_refused_or_another_value(value in any_value(), place in any::<prop::sample::Index>(), byte: u8) {
            let mut bytes = to_canonical(&value).unwrap();
            let place = place.index(bytes.len());
            prop_assume!(bytes[place] != byte);
            bytes[place] = byte;
            if let Ok(other) = check_canonical(&bytes) {
                prop_assert_ne!(other, value);
            }
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
            let _ = check_canonical(&bytes);
        }

        #[test]
        fn arbitrary_json_like_text_never_panics(text in "[\\[\\]{}\",:0-9eE.+\\\\u -]{0,200}") {
            let _ = check_canonical(text.as_bytes());
        }
    }
}
