//! The signature base (RFC 9421 section 2.5): the very text that is signed.

use super::{MAX_COMPONENTS, Message, SignatureError};
use sfv::{FieldType as _, InnerList, List, ListEntry};
use std::fmt::Write as _;

/// The base, and the value of `@signature-params` that ends it.
pub(super) fn signature_base(message: &Message<'_>, list: &InnerList) -> Result<(String, String), SignatureError> {
    if list.items.len() > MAX_COMPONENTS {
        return Err(SignatureError::Malformed("signature-input"));
    }
    let (mut base, mut seen) = (String::new(), Vec::new());
    for item in &list.items {
        let refused = |name: &str| SignatureError::Component(name.chars().take(80).collect());
        let name = item.bare_item.as_string().ok_or(SignatureError::Malformed("signature-input"))?.as_str();
        // A parameter says that something else is covered than the name alone tells.
        if !item.params.is_empty() || seen.contains(&name) {
            return Err(refused(name));
        }
        seen.push(name);
        let value = component(message, name).ok_or_else(|| refused(name))?;
        // A line end would let one component stand for two.
        if !value.is_ascii() || value.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t') {
            return Err(refused(name));
        }
        let _ = writeln!(base, "\"{name}\": {value}");
    }
    let params = List::from([ListEntry::InnerList(list.clone())]).serialize();
    let params = params.ok_or(SignatureError::Malformed("signature-input"))?;
    let _ = write!(base, "\"@signature-params\": {params}");
    Ok((base, params))
}

fn component(message: &Message<'_>, name: &str) -> Option<String> {
    let Message { method, scheme, authority, path, query, fields } = message;
    let query = query.map(|query| format!("?{query}"));
    let known = match name {
        "@method" => (*method).to_owned(),
        "@scheme" => (*scheme).to_owned(),
        "@authority" => (*authority).to_owned(),
        "@path" => (*path).to_owned(),
        "@query" => query.unwrap_or_else(|| "?".to_owned()),
        "@target-uri" => format!("{scheme}://{authority}{path}{}", query.unwrap_or_default()),
        _ if name.starts_with('@') || name != name.to_ascii_lowercase() => return None,
        _ => {
            let values: Vec<&str> = fields.iter().filter(|(it, _)| it == name).map(|(_, it)| it.trim()).collect();
            if values.is_empty() {
                return None;
            }
            values.join(", ")
        }
    };
    Some(known)
}
