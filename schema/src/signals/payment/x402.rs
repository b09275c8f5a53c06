//! x402 offers (versions 1 and 2, repository of 2026): raw amounts of some asset, which are no money that we can count.

use super::signal;
use crate::money::Meter;
use crate::signals::json::Json;
use crate::signals::{Complaint, Lint, Signal, price};
use crate::vocab::Preference;
use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

/// The offer of a `PAYMENT-REQUIRED` header: base64 of JSON.
pub(super) fn in_header(value: &str, complaints: &mut Vec<Complaint>) -> Signal {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let decode = |alphabet| GeneralPurpose::new(alphabet, config).decode(value).ok();
    let json = decode(&STANDARD).or_else(|| decode(&URL_SAFE)).and_then(|bytes| Json::parse(&bytes));
    json.and_then(|json| offer(&json, complaints)).unwrap_or_else(|| {
        complaints.push(Complaint::at(0, Lint::Malformed, "a PAYMENT-REQUIRED header that can't be read"));
        let duties = vec![price::pay(None, Meter::Fetch {})];
        signal("x402", "PAYMENT-REQUIRED that can't be read", Preference::Allowed, duties, true)
    })
}

/// The offer of a body; `None`: the body is something else.
pub(super) fn in_body(body: &[u8], complaints: &mut Vec<Complaint>) -> Option<Signal> {
    offer(&Json::parse(body)?, complaints)
}

fn offer(json: &Json, complaints: &mut Vec<Complaint>) -> Option<Signal> {
    let version = json.member("x402Version")?;
    let accepts = json.member("accepts").map(Json::each).unwrap_or_default();
    let version = match version {
        Json::Number(number) if *number == 1.0 => "1",
        Json::Number(number) if *number == 2.0 => "2",
        _ => "unknown",
    };
    let text = |value: &Json, name: &str| value.member(name).and_then(Json::text).unwrap_or("?").to_owned();
    let first = accepts.iter().find(|value| !value.members().is_empty());
    let raw = first.map(|first| {
        let amount = first.member("maxAmountRequired").or_else(|| first.member("amount")).and_then(Json::text);
        let others = if accepts.len() > 1 { format!(", or {} others", accepts.len() - 1) } else { String::new() };
        let (asset, network) = (text(first, "asset"), text(first, "network"));
        (amount.is_some(), format!("x402 {} units of {asset} on {network}{others}", amount.unwrap_or("?")))
    });
    let (clear, label) = raw.unwrap_or((false, "x402 without an offer".to_owned()));
    let clear = clear && version != "unknown" && !json.repeats();
    if !clear {
        complaints.push(Complaint::at(0, Lint::Malformed, "an x402 offer without amount, or of a version unknown"));
    }
    // How many units make a unit of money depends on the asset, and what that is worth on the day.
    let duties = vec![price::pay(None, Meter::Fetch {})];
    let found = signal("x402", &label, Preference::Allowed, duties, !clear);
    Some(Signal { version: version.to_owned(), ..found })
}
