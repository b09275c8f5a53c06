//! The specification's own example, and what must not pass.

use super::*;

const FIELDS: [(&str, &str); 5] = [
    ("host", "example.com"),
    ("date", "Tue, 20 Apr 2021 02:07:55 GMT"),
    ("content-type", "application/json"),
    (
        "content-digest",
        "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:",
    ),
    ("content-length", "18"),
];

fn fields(more: &[(&str, &str)]) -> Vec<(String, String)> {
    FIELDS.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn message(fields: &[(String, String)]) -> Message<'_> {
    let query = Some("param=Value&Pet=dog");
    Message { method: "POST", scheme: "https", authority: "example.com", path: "/foo", query, fields }
}

/// RFC 9421 appendix B.2.6, with the key of B.1.4: the base and the signature, byte for byte.
#[test]
fn the_example_of_the_specification_holds() {
    let params = "(\"date\" \"@method\" \"@path\" \"@authority\" \"content-type\" \"content-length\");created=1618884473;keyid=\"test-key-ed25519\"";
    let all = fields(&[]);
    let input: Dictionary = Parser::new(&format!("sig-b26={params}")).parse().unwrap();
    let Some((_, ListEntry::InnerList(list))) = input.iter().next() else { panic!("an inner list") };
    let (base, printed) = signature_base(&message(&all), list).unwrap();
    assert_eq!(printed, params);
    let expected = format!(
        "\"date\": Tue, 20 Apr 2021 02:07:55 GMT\n\"@method\": POST\n\"@path\": /foo\n\"@authority\": example.com\n\
         \"content-type\": application/json\n\"content-length\": 18\n\"@signature-params\": {params}"
    );
    assert_eq!(base, expected);
    let secret = URL_SAFE_NO_PAD.decode("n4Ni-HpISpVObnQMW0wOhCKROaIKqKtW_2ZYb2p9KcU").unwrap();
    let key = SigningKey::from_bytes(&secret.try_into().unwrap());
    let signature = base64::engine::general_purpose::STANDARD.encode(key.sign(base.as_bytes()).to_bytes());
    assert_eq!(signature, "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==");
}

/// RFC 8037 appendix A.3.
#[test]
fn the_thumbprint_of_the_specification_holds() {
    let point = URL_SAFE_NO_PAD.decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
    let key = VerifyingKey::try_from(point.as_slice()).unwrap();
    assert_eq!(thumbprint(&key), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

const NOW: Timestamp = Timestamp(1_795_000_000);
const COVERED: [&str; 3] = ["@method", "@target-uri", "content-digest"];

fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn claims_at(created: i64, expires: i64) -> Claims {
    Claims {
        key_id: "k".to_owned(),
        created: NOW.plus_seconds(created),
        expires: NOW.plus_seconds(expires),
        nonce: "n-1".to_owned(),
        tag: "cleartitle-test".to_owned(),
    }
}

fn signed(claims: &Claims, components: &[&str]) -> Vec<(String, String)> {
    let all = fields(&[]);
    let Fields { input, signature } = sign(&message(&all), components, claims, &key()).unwrap();
    fields(&[("signature-input", &input), ("signature", &signature)])
}

fn check(message: &Message<'_>) -> Result<Claims, SignatureError> {
    let rules = Rules { covered: &COVERED, tag: "cleartitle-test", now: NOW, longest: 300 };
    verify(message, rules, |id| (id == "k").then(|| key().verifying_key()))
}

#[test]
fn what_is_signed_verifies_and_any_change_does_not() {
    let claims = claims_at(-10, 200);
    let all = signed(&claims, &COVERED);
    let good = message(&all);
    assert_eq!(check(&good), Ok(claims));
    for (what, changed) in [
        ("method", Message { method: "PUT", ..good.clone() }),
        ("scheme", Message { scheme: "http", ..good.clone() }),
        ("host", Message { authority: "example.com:444", ..good.clone() }),
        ("path", Message { path: "/fooo", ..good.clone() }),
        ("query", Message { query: None, ..good.clone() }),
    ] {
        assert_eq!(check(&changed), Err(SignatureError::Wrong("k".to_owned())), "{what}");
    }
    let mut digest = all.clone();
    digest[3].1.replace_range(..3, "SHA");
    assert!(check(&message(&digest)).is_err());
    digest.remove(3);
    assert_eq!(check(&message(&digest)), Err(SignatureError::Component("content-digest".to_owned())));
    // What is not covered may change.
    let mut date = all;
    date[1].1.clear();
    assert!(check(&message(&date)).is_ok());
}

#[test]
fn a_signature_holds_for_a_while_and_for_its_purpose() {
    for (created, expires) in [(-400, -10), (0, 301), (100, 200), (-10, -10), (-10, 0)] {
        let all = signed(&claims_at(created, expires), &COVERED);
        assert!(matches!(check(&message(&all)), Err(SignatureError::Stale { .. })), "{created} {expires}");
    }
    let other = Claims { tag: "web-bot-auth".to_owned(), ..claims_at(0, 10) };
    assert!(matches!(check(&message(&signed(&other, &COVERED))), Err(SignatureError::Missing(_))));
    let stranger = Claims { key_id: "s".to_owned(), ..claims_at(0, 10) };
    assert!(matches!(check(&message(&signed(&stranger, &COVERED))), Err(SignatureError::UnknownKey(_))));
    let fewer = signed(&claims_at(0, 10), &COVERED[..2]);
    assert_eq!(check(&message(&fewer)), Err(SignatureError::NotCovered("content-digest".to_owned())));
}

#[test]
fn fields_that_say_more_than_is_understood_are_refused() {
    let all = signed(&claims_at(0, 10), &COVERED);
    let change = |from: &str, to: &str| {
        let mut changed = all.clone();
        let input = changed.iter_mut().find(|(name, _)| name == "signature-input").unwrap();
        assert!(input.1.contains(from), "{from}");
        input.1 = input.1.replacen(from, to, 1);
        check(&message(&changed))
    };
    for (from, to) in [
        ("\"@method\"", "\"@method\";req"),
        ("\"@method\"", "\"@method\" \"@method\""),
        ("\"@method\"", "\"@method\" \"@status\""),
        ("\"@method\"", "\"@method\" \"Date\""),
        ("\"@method\"", "@method"),
        (";created=", ";alg=\"hmac-sha256\";created="),
        (";nonce=\"n-1\"", ""),
        (";nonce=\"n-1\"", ";nonce=1"),
        (";expires=", ";expired="),
        ("sig1=", "sig2="),
        ("(", "(("),
    ] {
        assert!(change(from, to).is_err(), "{from} -> {to}");
    }
    let mut twice = all.clone();
    let input = all.iter().find(|(name, _)| name == "signature-input").unwrap().1.clone();
    twice.push(("signature-input".to_owned(), input.replacen("sig1", "sig2", 1)));
    assert_eq!(check(&message(&twice)), Err(SignatureError::Malformed("signature-input")));
}

#[test]
fn a_body_is_held_to_its_digest() {
    let field = content_digest(b"{\"hello\": \"world\"}");
    // RFC 9530 appendix B has this digest of this body, with its line end.
    assert_eq!(content_digest(b"{\"hello\": \"world\"}\n"), "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:");
    assert_eq!(check_content_digest(&field, b"{\"hello\": \"world\"}"), Ok(()));
    assert_eq!(check_content_digest(&field, b"{}"), Err(SignatureError::Digest));
    for bad in ["", "sha-512=:AA==:", "sha-256=AA", "sha-256=:AA:", "md5=:AA==:"] {
        assert!(check_content_digest(bad, b"").is_err(), "{bad}");
    }
}
